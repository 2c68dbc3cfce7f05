// A second client of another's making, over the server's WebSocket, with JSON payloads (XEP-0335) as objects.
//
//     node client.js WEBSOCKET ALICE BOB COMPONENT

const assert = require('node:assert/strict');
const { createClient } = require('stanza');

const [websocket, aliceJID, bobJID, service] = process.argv.slice(2);
const patience = 30_000; // the machine may be busy
const node = 'alice:stanza:' + Date.now();

function connect(jid) {
    const client = createClient({
        jid, password: 'pw', autoReconnect: false, transports: { websocket, bosh: false },
    });
    return new Promise((resolve, reject) => {
        client.on('session:started', () => {
            client.sendPresence();
            resolve(client);
        });
        client.on('auth:failed', () => reject(new Error('auth:failed')));
        client.on('disconnected', () => reject(new Error('disconnected')));
        client.connect();
    });
}

// The next event of this kind about the node for which accept holds.
function next(client, kind, accept) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${kind} did not come`)), patience);
        client.on(kind, function heard(message) {
            if (accept(message.pubsub)) {
                clearTimeout(timer);
                client.off(kind, heard);
                resolve(message);
            }
        });
    });
}

const json = (value) => ({ itemType: 'urn:xmpp:json:0', json: value });

const config = (fields) => ({
    type: 'submit',
    fields: [
        { name: 'FORM_TYPE', type: 'hidden', value: 'http://jabber.org/protocol/pubsub#node_config' },
        ...Object.entries(fields).map(([name, value]) => ({ name, value })),
    ],
});

async function main() {
    const [alice, bob] = await Promise.all([connect(aliceJID), connect(bobJID)]);

    const info = await alice.getDiscoInfo(service);
    assert.ok(info.features.includes('http://jabber.org/protocol/pubsub#multi-subscribe'));
    await alice.createNode(service, node, config({ 'pubsub#title': 'From stanza', '{urn:thoonk:feed:0}content': 'json' }));
    assert.ok((await bob.getDiscoItems(service)).items.some((i) => i.node === node && i.name === 'From stanza'));
    await assert.rejects(bob.publish(service, node, json(1)), (e) => e.error.condition === 'forbidden');

    const first = await bob.subscribeToNode(service, { node, useBareJID: true });
    assert.equal(first.state, 'subscribed');
    assert.ok(first.subid);
    const told = next(bob, 'pubsub:published', (p) => p.items.node === node && p.items.published[0].id === 'a');
    await alice.publish(service, node, json({ n: 1, text: '<&>"' }), 'a');
    assert.deepEqual((await told).pubsub.items.published[0].content.json, { n: 1, text: '<&>"' });

    for (let n = 2; n <= 7; n++) {
        await alice.publish(service, node, json({ n }), `i${n}`);
    }
    const item = await bob.getItem(service, node, 'i3');
    assert.deepEqual(item.content.json, { n: 3 });
    const ids = [];
    for (let after; ;) {
        const page = await bob.getItems(service, node, { max: 3, ...(after && { after }) });
        if (!page.items?.length) break;
        ids.push(...page.items.map((i) => i.id));
        after = page.paging.last;
    }
    assert.deepEqual(ids, ['a', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7']);

    const retracted = next(bob, 'pubsub:retracted', (p) => p.items.node === node);
    await alice.retract(service, node, 'i3', true);
    assert.deepEqual((await retracted).pubsub.items.retracted, ['i3']);
    const purged = next(bob, 'pubsub:purged', (p) => p.purge.node === node);
    await alice.purgeNode(service, node);
    await purged;
    assert.equal((await bob.getItems(service, node)).items?.length ?? 0, 0);
    const deleted = next(bob, 'pubsub:deleted', (p) => p.delete.node === node);
    await alice.deleteNode(service, node);
    await deleted;
    await assert.rejects(bob.getItems(service, node), (e) => e.error.condition === 'item-not-found');
    console.log('done');
    process.exit(0);
}

main().catch((e) => {
    console.error(e);
    process.exit(1);
});
