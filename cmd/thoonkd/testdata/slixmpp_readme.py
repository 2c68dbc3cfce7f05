# A client of another's making reads a node that its user has a grant for, follows it, and is told of what is published.
#
#     slixmpp_readme.py HOST:PORT USER COMPONENT NODE
#
# It says "ready" once it is subscribed, and ends when the item "told" has come.

import asyncio
import sys

import slixmpp

ADDRESS, USER, SERVICE, NODE = sys.argv[1:5]
JSON = "{urn:xmpp:json:0}json"


async def main(client, told):
    nodes = await client["xep_0060"].get_nodes(SERVICE)
    assert [item[1] for item in nodes["disco_items"]["items"]] == [NODE], nodes
    items = await client["xep_0060"].get_items(SERVICE, NODE)
    assert [i["id"] for i in items["pubsub"]["items"]] == ["first"], items
    assert items.xml.find(".//" + JSON).text == '{"n": 1}', items
    await client["xep_0060"].subscribe(SERVICE, NODE)
    print("ready", flush=True)
    while True:
        message = await told.get()
        item = message["pubsub_event"]["items"]["item"]
        if item["id"] == "told":
            assert message["from"] == SERVICE and message.xml.find(".//" + JSON).text == '{"n": 2}', message
            return


client = slixmpp.ClientXMPP(USER, "pw")
client["feature_mechanisms"].unencrypted_plain = True
for plugin in ("xep_0030", "xep_0060"):
    client.register_plugin(plugin)
outcome = []


async def started(_):
    client.send_presence()
    told = asyncio.Queue()
    client.add_event_handler("pubsub_publish", told.put_nowait)
    try:
        await asyncio.wait_for(main(client, told), 60)
    except BaseException as e:
        outcome.append(e)
    client.disconnect()


client.add_event_handler("session_start", started)
host, port = ADDRESS.rsplit(":", 1)
client.connect((host, int(port)), force_starttls=False, disable_starttls=True)
client.process(forever=False)
if outcome:
    raise outcome[0]
