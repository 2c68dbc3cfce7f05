# A client of another's making asks for the history of a node (XEP-0313, XEP-0442). Each step checks what it is told.
#
#     slixmpp_mam.py HOST:PORT DOMAIN-OF-USERS COMPONENT

import asyncio
import sys
from xml.etree import ElementTree as ET

import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback, Collector
from slixmpp.xmlstream.matcher import MatchXPath

ADDRESS, HOST, SERVICE = sys.argv[1:4]
NODE = "history"
MAM = "urn:xmpp:mam:2"
EVENT = "{http://jabber.org/protocol/pubsub#event}"
JSON = "urn:xmpp:json:0"


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


async def query(client, start=None, end=None, node=NODE, rsm=None, **fields):
    """Asks by way of slixmpp's plugin, which knows no nodes, and returns the results and the end of the page."""
    mam = client["xep_0313"]
    iq, _ = mam._pre_mam_retrieve(slixmpp.JID(SERVICE), start, end)
    iq["mam"].xml.set("node", node)
    for name, value in fields.items():
        iq["mam"][name] = value
    for name, value in (rsm or {}).items():
        iq["mam"]["rsm"][name] = value
    collector = Collector("MAM_" + iq["id"], MatchXPath("{jabber:client}message/{%s}result" % MAM))
    client.register_handler(collector)
    try:
        answer = await iq.send(timeout=30)
    finally:
        results = collector.stop()
    check(all(r["mam_result"]["queryid"] == iq["id"] for r in results), "queryid")
    check(all(r["from"] == SERVICE for r in results), "from")
    return results, answer


def told(result):
    """What a result says: id of the item and its number, or what was retracted."""
    items = result["mam_result"]["forwarded"].xml.find(f"{{jabber:client}}message/{EVENT}event/{EVENT}items[@node='{NODE}']")
    if items is None:
        return "configuration"
    item = items.find(f"{EVENT}item")
    if item is None:
        return "-" + items.find(f"{EVENT}retract").get("id")
    return item.get("id") + item.find(f"{{{JSON}}}json").text


async def main(client):
    info = await client["xep_0030"].get_info(jid=SERVICE, node=NODE)
    check({MAM, MAM + "#extended"} <= set(info["disco_info"]["features"]), info)
    form = await client["xep_0313"].get_fields(slixmpp.JID(SERVICE))
    check({"start", "end", "with", "before-id", "after-id", "ids"} <= set(form.get_fields()), form)

    wanted = ["configuration"] + [f"i{n % 5}{n}" for n in range(12)] + ["-i0"]
    results, answer = await query(client)
    check([told(r) for r in results] == wanted, [told(r) for r in results])
    ids = [r["mam_result"]["id"] for r in results]
    fin = answer.xml.find(f"{{{MAM}}}fin")
    check(fin.get("complete") == "true" and answer["mam_fin"]["rsm"]["count"] == str(len(wanted)), answer)
    check(answer["mam_fin"]["rsm"]["first"] == ids[0] and answer["mam_fin"]["rsm"]["last"] == ids[-1], answer)
    times = [r["mam_result"]["forwarded"]["delay"]["stamp"] for r in results]
    check(times == sorted(times), times)

    paged, after = [], None
    while True:
        results, answer = await query(client, rsm={"max": "5", **({"after": after} if after else {})})
        paged += [told(r) for r in results]
        after = answer["mam_fin"]["rsm"]["last"]
        if answer.xml.find(f"{{{MAM}}}fin").get("complete") == "true":
            break
    check(paged == wanted, paged)

    results, answer = await query(client, rsm={"max": "3", "before": True})
    check([told(r) for r in results] == wanted[-3:], "the last page", [told(r) for r in results])
    results, answer = await query(client, rsm={"max": "3", "before": answer["mam_fin"]["rsm"]["first"]})
    check([told(r) for r in results] == wanted[-6:-3], "the page before", [told(r) for r in results])

    results, _ = await query(client, start=times[4], end=times[6])
    check(set(wanted[4:7]) <= {told(r) for r in results}, "by time", [told(r) for r in results])
    results, _ = await query(client, after_id=ids[2], before_id=ids[5])
    check([told(r) for r in results] == wanted[3:5], "between two", [told(r) for r in results])
    results, _ = await query(client, ids=[ids[7], ids[3]])
    check([told(r) for r in results] == [wanted[3], wanted[7]], "by ids", [told(r) for r in results])
    for bad in ("77-1763874399123456", "nonsense"):
        try:
            await query(client, rsm={"after": bad})
            check(False, "an id that was never there is taken")
        except IqError as e:
            check(e.condition == "item-not-found", e.condition)
    for node, condition in (("closed", "not-allowed"), ("nothing", "item-not-found")):
        try:
            await query(client, node=node)
            check(False, node)
        except IqError as e:
            check(e.condition == condition, e.condition)
    iq = client.make_iq_get(ito=SERVICE)
    iq.xml.append(ET.Element(f"{{{MAM}}}metadata", node=NODE))
    ends = (await iq.send())["mam_metadata"]
    check((ends["start"]["id"], ends["end"]["id"]) == (ids[0], ids[-1]), ends)

    # An id of a message that came is one of the archive: what came after it is asked for by it.
    live = asyncio.Queue()
    client.register_handler(Callback("live", MatchXPath("{jabber:client}message/%sevent" % EVENT), live.put_nowait))
    await client["xep_0060"].subscribe(SERVICE, NODE)
    print("publish", flush=True)
    message = await live.get()
    while message.xml.find(f"{EVENT}event/{EVENT}items/{EVENT}item[@id='last']") is None:
        message = await live.get()
    stable = message.xml.find("{urn:xmpp:sid:0}stanza-id")
    check(stable is not None and stable.get("by") == SERVICE, message)
    print("again", flush=True)
    results = []
    while not results:
        results, _ = await query(client, rsm={"after": stable.get("id")})
    check([told(r) for r in results] == ['last2'], "since", [told(r) for r in results])
    print("done", flush=True)


client = slixmpp.ClientXMPP(f"alice@{HOST}", "pw")
client["feature_mechanisms"].unencrypted_plain = True
for plugin in ("xep_0030", "xep_0059", "xep_0060", "xep_0297", "xep_0203", "xep_0313"):
    client.register_plugin(plugin)
outcome = []


async def started(_):
    client.send_presence()
    try:
        await asyncio.wait_for(main(client), 100)
    except BaseException as e:
        outcome.append(e)
    client.disconnect()


client.add_event_handler("session_start", started)
host, port = ADDRESS.rsplit(":", 1)
client.connect((host, int(port)), force_starttls=False, disable_starttls=True)
client.process(forever=False)
if outcome:
    raise outcome[0]
