// Subscribes with npm's pubsubhubbub, and says what comes: node subscriber.js TOPIC HUB
const [topic, hub] = process.argv.slice(2);
const http = require('http');
const { createServer } = require('pubsubhubbub');

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const subscriber = createServer({ callbackUrl: `http://127.0.0.1:${server.address().port}/` });
  server.on('request', (req, res) => subscriber.listener()(req, res));
  subscriber.on('subscribe', (data) => console.log('subscribe', data.topic));
  subscriber.on('feed', (data) => console.log('feed', data.topic, data.feed.toString().includes('to node')));
  subscriber.on('denied', (data) => console.log('denied', data.topic, String(data.error)));
  subscriber.subscribe(topic, hub);
});
