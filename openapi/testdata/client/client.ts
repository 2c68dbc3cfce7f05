// A round trip of a client whose types are generated from the document. That it compiles is half of the test.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Change = components["schemas"]["Change"];
type Publication = components["schemas"]["Publication"];

const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url!, headers: { Authorization: `Bearer ${token}` } });
const feed = "team:1/news"; // escaped by the client
const path = { feed };

const declared = await client.PUT("/v1/feeds/{feed}", { params: { path }, body: { type: "sorted_feed" } });
assert.equal(declared.response.status, 201);
assert.equal(declared.data!.name, feed);

const published = await client.POST("/v1/feeds/{feed}/items", {
  params: { path, header: { "Idempotency-Key": '"once"' } },
  body: { id: "a", body: { title: "Hello" } },
});
const revision: string = published.data!.revision;

const one = await client.GET("/v1/feeds/{feed}/items/{id}", { params: { path: { feed, id: "a" } } });
assert.deepEqual(one.data!.body, { title: "Hello" });
assert.equal(one.data!.text, undefined);
assert.equal(one.response.headers.get("etag"), `"${revision}"`);

// @ts-expect-error an item has a body, in one form
const empty: Publication = { id: "b" };
// @ts-expect-error there is no such member
const unknown: Publication = { body: 1, title: "Hello" };
const refused = await client.PUT("/v1/feeds/{feed}/items/{id}", { params: { path: { feed, id: "b" } }, body: empty });
assert.equal(refused.error!.type, "urn:thoonk:problem:invalid");

const batch = await client.POST("/v1/feeds/{feed}/batch", {
  params: { path },
  body: [
    { op: "publish", id: "b", text: "two", position: { before: "a" } },
    { op: "position", id: "a", position: { first: true } },
  ],
});
assert.equal(batch.data!.results.length, 2);

const list = await client.GET("/v1/feeds/{feed}/items", { params: { path, query: { limit: 10, order: "asc" } } });
assert.deepEqual(list.data!.items.map((item) => item.id), ["a", "b"]);
const byID = await client.GET("/v1/feeds/{feed}/items", { params: { path, query: { id: ["b", "a"] } } });
assert.equal(byID.data!.items[0]!.text, "two");

const missing = await client.GET("/v1/feeds/{feed}", { params: { path: { feed: "none" } } });
assert.equal(missing.response.status, 404);
assert.equal(missing.error!.type, "urn:thoonk:problem:not_found");

const stale = await client.DELETE("/v1/feeds/{feed}/items/{id}", {
  params: { path: { feed, id: "a" }, header: { "If-Match": `"${revision}"` } },
});
assert.equal(stale.error!.status, 412);

// Each kind of change has its own members.
function title(change: Change): string {
  switch (change.kind) {
    case "publish":
    case "edit":
      return `${change.id} is ${change.text ?? JSON.stringify(change.body)}`;
    case "retract":
    case "position":
      return `${change.id}: ${change.kind}`;
    default:
      return `${change.feed}: ${change.kind}`;
  }
}

// Events, as they come: the ticket is for an EventSource, which this version of node has not.
const ticket = await client.POST("/v1/stream-tickets", { body: { feeds: [feed] } });
const stop = new AbortController();
const stream = await fetch(`${url}/v1/feeds/${encodeURIComponent(feed)}/events?since=${declared.data!.revision}&ticket=${ticket.data!.ticket}`, {
  headers: { Accept: "text/event-stream" },
  signal: stop.signal,
});
let text = "";
for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
  text += chunk;
  if (text.includes("event: position")) break;
}
stop.abort();
const told = [...text.matchAll(/^data: (.*)$/gm)].map((match) => title(JSON.parse(match[1]!) as Change));
assert.deepEqual(told, ['a is {"title":"Hello"}', "b is two", "a: position"]);

const history = await client.GET("/v1/feeds/{feed}/events", { params: { path }, headers: { Accept: "application/json" } });
assert.ok(typeof history.data === "object");
assert.equal(history.data.changes.map(title)[0], `${feed}: create`);

console.log("done");
