// Does with BullMQ what jobs.go does with thoonkd, and writes how many seconds it took.
// Arguments: socket of Redis, add or work, number of jobs
import { Queue, Worker } from "bullmq";

const [socket, mode, text] = process.argv.slice(2);
const total = Number(text);
const connection = { path: socket, maxRetriesPerRequest: null };
const payload = { text: "x".repeat(180) };
const options = { removeOnComplete: true };

async function add() {
  const queue = new Queue("q", { connection });
  await queue.waitUntilReady();
  const batch = Array.from({ length: 1000 }, () => ({ name: "job", data: payload, opts: options }));
  const start = process.hrtime.bigint();
  for (let n = 0; n < total; n += 1000) await queue.addBulk(batch.slice(0, total - n));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await queue.close();
  return seconds;
}

function work() {
  return new Promise((resolve, reject) => {
    let done = 0;
    let start;
    const worker = new Worker("q", async () => {}, { connection, concurrency: 50, autorun: false });
    worker.on("error", reject);
    worker.on("completed", async () => {
      if (++done < total) return;
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      await worker.close();
      resolve(seconds);
    });
    worker.waitUntilReady().then(() => {
      start = process.hrtime.bigint();
      worker.run();
    }, reject);
  });
}

console.log(await (mode === "add" ? add() : work()));
process.exit(0);
