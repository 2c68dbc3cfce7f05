# A client of another's making uses the component as its users do. Every step checks what it is told; the first that is not
# as XEP-0060 has it ends the program with an error.
#
#     slixmpp_client.py HOST:PORT ALICE BOB COMPONENT
#
# ALICE and BOB are JIDs whose password is "pw". Alice may make what begins with "alice"; bob has no grants but to submit jobs to
# "queue".

import asyncio
import sys
import uuid
from xml.etree import ElementTree as ET

import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0004 import Form

ADDRESS, ALICE, BOB, SERVICE = sys.argv[1:5]
PATIENCE = 30  # seconds: the machine may be busy
PUBSUB = "http://jabber.org/protocol/pubsub"
JSON = "urn:xmpp:json:0"
RSM = "http://jabber.org/protocol/rsm"
JOB = "urn:thoonk:job:0"
FEED = "urn:thoonk:feed:0"


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, "pw")
        self["feature_mechanisms"].unencrypted_plain = True
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0059", "xep_0060", "xep_0092", "xep_0199", "xep_0313"):
            self.register_plugin(plugin)
        self.pubsub = self["xep_0060"]
        self.inbox = asyncio.Queue()
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("failed_auth", lambda _: self.ready.set_exception(RuntimeError("failed_auth")))
        self.register_handler(slixmpp.xmlstream.handler.Callback(
            "all messages", slixmpp.xmlstream.matcher.MatchXPath("{jabber:client}message"), self.inbox.put_nowait))

    async def started(self, _):
        self.send_presence()
        self.ready.set_result(True)

    async def next(self, what, wanted):
        """The next message that wanted accepts, with what it returns; others are passed over."""
        async def search():
            while True:
                message = await self.inbox.get()
                found = wanted(message.xml)
                if found is not None:
                    return found
        try:
            return await asyncio.wait_for(search(), PATIENCE)
        except asyncio.TimeoutError:
            raise AssertionError(f"{what} did not come") from None


def event(kind, node):
    """What is in the event element of a notification about the node."""
    def wanted(xml):
        found = xml.find(f"{{{PUBSUB}#event}}event/{{{PUBSUB}#event}}{kind}")
        return found if found is not None and found.get("node") == node else None
    return wanted


def item(node, id):
    def wanted(xml):
        found = xml.find(f"{{{PUBSUB}#event}}event/{{{PUBSUB}#event}}items[@node='{node}']/{{{PUBSUB}#event}}item[@id='{id}']")
        return found
    return wanted


def retracted(node, id):
    def wanted(xml):
        return xml.find(f"{{{PUBSUB}#event}}event/{{{PUBSUB}#event}}items[@node='{node}']/{{{PUBSUB}#event}}retract[@id='{id}']")
    return wanted


def json(text):
    e = ET.Element(f"{{{JSON}}}json")
    e.text = text
    return e


def form(kind, **fields):
    f = Form()
    f["type"] = "submit"
    f.add_field(var="FORM_TYPE", ftype="hidden", value=kind)
    for name, value in fields.items():
        f.add_field(var="pubsub#" + name, value=value)
    return f


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


async def refused(request, condition, app=None):
    """The request is refused with this condition, and this one of the application's."""
    try:
        answer = await request
    except IqError as e:
        error = e.iq.xml.find("{jabber:client}error")
        names = [c.tag.split("}")[1] for c in error]
        check(condition in names and (app is None or app in names), "refused with", names, "want", condition, app)
        return error
    raise AssertionError(f"not refused with {condition}: {answer}")


def ids(iq):
    return [i["id"] for i in iq["pubsub"]["items"]]


async def nodes(alice, bob):
    """Creating, configuring, publishing and reading; who may what."""
    node = "alice:" + uuid.uuid4().hex
    info = await alice["xep_0030"].get_info(jid=SERVICE)
    check(("pubsub", "service", None, "thoonkd") in info["disco_info"]["identities"], info)
    check(f"{PUBSUB}#publish-options" in info["disco_info"]["features"], info)
    version = await alice["xep_0092"].get_version(SERVICE)
    check(version["software_version"]["name"] == "thoonkd", version)
    await alice["xep_0199"].ping(SERVICE)

    await alice.pubsub.create_node(SERVICE, node, config=form(f"{PUBSUB}#node_config", title="A title", max_items="max"))
    await refused(alice.pubsub.create_node(SERVICE, node), "conflict")
    await refused(bob.pubsub.create_node(SERVICE, "bob:1"), "forbidden")
    instant = await refused(alice.pubsub.create_node(SERVICE, None), "forbidden")
    check(instant is not None)
    config = await alice.pubsub.get_node_config(SERVICE, node)
    values = config["pubsub_owner"]["configure"]["form"].get_values()
    check(values["pubsub#title"] == "A title" and values["pubsub#access_model"] == "open", values)
    await alice.pubsub.set_node_config(SERVICE, node, form(f"{PUBSUB}#node_config", description="About", notify_config="1"))
    meta = await bob["xep_0030"].get_info(jid=SERVICE, node=node)
    check(("pubsub", "leaf", None, "A title") in meta["disco_info"]["identities"], meta)
    check("About" in str(meta), meta)
    listed = await bob["xep_0030"].get_items(jid=SERVICE)
    check(node in [n for _, n, _ in listed["disco_items"]["items"]], listed)

    await alice.pubsub.publish(SERVICE, node, id="i0", payload=json('{"n": 0}'))
    answer = await alice.pubsub.publish(SERVICE, node, payload=json('{"n": "made"}'))
    made = answer["pubsub"]["publish"]["item"]["id"]
    check(made, answer)
    await refused(bob.pubsub.publish(SERVICE, node, payload=json("1")), "forbidden")
    await refused(alice.pubsub.publish(SERVICE, node, payload=json("{")), "bad-request", "invalid-payload")
    await refused(alice.pubsub.publish(SERVICE, node, id="none"), "bad-request", "payload-required")
    await refused(small(alice, node), "not-acceptable", "payload-too-big")
    await alice.pubsub.publish(SERVICE, node, id="i0", payload=json('{"n": 1}'), options=form(f"{PUBSUB}#publish-options", access_model="open", title="A title"))
    await refused(alice.pubsub.publish(SERVICE, node, id="i0", payload=json("2"), options=form(f"{PUBSUB}#publish-options", access_model="open", title="Another")),
                  "conflict", "precondition-not-met")
    auto = node + ":auto"
    await alice.pubsub.publish(SERVICE, auto, id="x", payload=json("1"), options=form(f"{PUBSUB}#publish-options", access_model="whitelist", max_items="3"))
    await refused(bob.pubsub.get_items(SERVICE, auto), "not-allowed", "closed-node")
    await alice.pubsub.delete_node(SERVICE, auto)

    for i in range(1, 25):
        await alice.pubsub.publish(SERVICE, node, id=f"i{i}", payload=json(f'{{"n": {i}}}'))
    one = await bob.pubsub.get_items(SERVICE, node, item_ids=["i7"])
    check(one["pubsub"]["items"]["item"]["payload"].text == '{"n": 7}', one)
    latest = await bob.pubsub.get_items(SERVICE, node, max_items=3)
    check(ids(latest) == ["i22", "i23", "i24"], latest)
    paged, after = [], None
    while after != "":
        page, after = await items_after(bob, node, after, 10)
        paged.append(ids(page))
    check([len(p) for p in paged] == [10, 10, 6], paged)
    check(sum(paged, [])[-24:] == [f"i{i}" for i in range(1, 25)], paged)
    await alice.pubsub.retract(SERVICE, node, "i7", notify=True)
    await refused(alice.pubsub.retract(SERVICE, node, "i7"), "item-not-found")
    gone = await bob.pubsub.get_items(SERVICE, node, item_ids=["i7"])
    check(ids(gone) == [], gone)
    await refused(bob.pubsub.purge(SERVICE, node), "forbidden")
    await alice.pubsub.purge(SERVICE, node)
    check(ids(await bob.pubsub.get_items(SERVICE, node)) == [])
    await refused(bob.pubsub.delete_node(SERVICE, node), "forbidden")
    await alice.pubsub.delete_node(SERVICE, node)
    await refused(bob.pubsub.get_items(SERVICE, node), "item-not-found")


async def notices(alice, bob):
    """What a subscriber is told, in the order in which it happened."""
    node = "alice:" + uuid.uuid4().hex
    await alice.pubsub.create_node(SERVICE, node, config=form(f"{PUBSUB}#node_config", notify_config="1"))
    await alice.pubsub.publish(SERVICE, node, id="before", payload=json("0"))
    await bob.pubsub.subscribe(SERVICE, node)
    last = await bob.next("the last item", item(node, "before"))
    check(last.findtext(f"{{{JSON}}}json") == "0", ET.tostring(last))
    for i in range(5):
        await alice.pubsub.publish(SERVICE, node, id=f"i{i}", payload=json(f'{{"n": {i}}}'))
    for i in range(5):
        told = await bob.next(f"item i{i}", lambda xml: xml.find(f"{{{PUBSUB}#event}}event/{{{PUBSUB}#event}}items[@node='{node}']/{{{PUBSUB}#event}}item"))
        check(told.get("id") == f"i{i}" and told.findtext(f"{{{JSON}}}json") == f'{{"n": {i}}}', ET.tostring(told))
    await alice.pubsub.retract(SERVICE, node, "i0", notify=True)
    await bob.next("the retraction", retracted(node, "i0"))
    await alice.pubsub.set_node_config(SERVICE, node, form(f"{PUBSUB}#node_config", title="New"))
    await bob.next("the new configuration", event("configuration", node))
    await alice.pubsub.purge(SERVICE, node)
    def purged(xml):
        check(xml.find(f".//{{{PUBSUB}#event}}retract") is None, "a purge is told as a retraction", ET.tostring(xml))
        return event("purge", node)(xml)
    await bob.next("the purge", purged)
    await alice.pubsub.delete_node(SERVICE, node)
    await bob.next("the end of the node", event("delete", node))


async def replay(alice, bob):
    """What was missed is asked for by the archive's id of the last message that was seen (XEP-0313, XEP-0442)."""
    node = "alice:" + uuid.uuid4().hex
    await alice.pubsub.create_node(SERVICE, node)
    await bob.pubsub.subscribe(SERVICE, node)
    await alice.pubsub.publish(SERVICE, node, id="seen", payload=json("0"))
    def archived(xml):
        return xml.find("{urn:xmpp:sid:0}stanza-id") if item(node, "seen")(xml) is not None else None
    seen = await bob.next("the item that is seen", archived)
    check(seen.get("by") == SERVICE, ET.tostring(seen))
    await bob.pubsub.unsubscribe(SERVICE, node)
    for i in range(5):
        await alice.pubsub.publish(SERVICE, node, id=f"missed{i}", payload=json(f'{{"n": {i}}}'))
    await alice.pubsub.retract(SERVICE, node, "missed2", notify=True)
    got, after, complete = [], seen.get("id"), False
    while not complete:
        page, after, complete = await archive(bob, node, after, 2)
        got += page
    check(got == [f"item missed{i}" for i in range(5)] + ["retract missed2"], got)
    await refused(archive(bob, node, "9999-1", 2), "item-not-found")
    await alice.pubsub.delete_node(SERVICE, node)


async def archive(client, node, after, most):
    """A page of the archive, the id of its last message, and whether that was the last page."""
    query = uuid.uuid4().hex
    iq = client.Iq(sto=SERVICE, stype="set")
    e = ET.Element("{urn:xmpp:mam:2}query", node=node, queryid=query)
    rsm = ET.SubElement(e, f"{{{RSM}}}set")
    ET.SubElement(rsm, f"{{{RSM}}}max").text = str(most)
    ET.SubElement(rsm, f"{{{RSM}}}after").text = after
    iq.append(e)
    answer = await iq.send()
    fin = answer.xml.find("{urn:xmpp:mam:2}fin")
    rsm, got = fin.find(f"{{{RSM}}}set"), []
    def result(xml):
        r = xml.find("{urn:xmpp:mam:2}result")
        return r if r is not None and r.get("queryid") == query else None
    last = rsm.findtext(f"{{{RSM}}}last")
    while last is not None:
        r = await client.next("a message of the archive", result)
        for change in r.iter():
            if change.tag in (f"{{{PUBSUB}#event}}item", f"{{{PUBSUB}#event}}retract"):
                got.append(change.tag.split("}")[1] + " " + change.get("id"))
        if r.get("id") == last:
            break
    return got, last or after, fin.get("complete") == "true"


async def patterns(alice, bob):
    """A subscription to a pattern, by one who may read all that it matches."""
    await refused(bob.pubsub.subscribe(SERVICE, "alice*"), "not-allowed", "closed-node")
    await bob.pubsub.subscribe(SERVICE, "team:353:member:*:tasks")
    node = "team:353:member:7:tasks"  # made after that
    await alice.pubsub.create_node(SERVICE, node, config=form(f"{PUBSUB}#node_config", access_model="whitelist"))
    await alice.pubsub.publish(SERVICE, "team:353:member:7:other", id="other", payload=json("1"))
    await alice.pubsub.publish(SERVICE, node, id="task", payload=json("2"))
    def collected(xml):
        check(item("team:353:member:7:other", "other")(xml) is None, ET.tostring(xml))
        return xml.find("{http://jabber.org/protocol/shim}headers") if item(node, "task")(xml) is not None else None
    headers = await bob.next("what the pattern matches", collected)
    values = {h.get("name"): h.text for h in headers}
    check(values.get("Collection") == "team:353:member:*:tasks", values)
    await bob.pubsub.unsubscribe(SERVICE, "team:353:member:*:tasks")
    await alice.pubsub.delete_node(SERVICE, node)


async def leave(alice, bob):
    """What REST is asked for afterwards."""
    await alice.pubsub.create_node(SERVICE, "alice:left", config=form(f"{PUBSUB}#node_config", title="Left", notify_sub="1", max_items="7"))
    await alice.pubsub.publish(SERVICE, "alice:left", id="i", payload=json('{"n":  1.0}'))


async def small(alice, node):
    """A payload that is longer than the node takes."""
    await alice.pubsub.set_node_config(SERVICE, node, form(f"{PUBSUB}#node_config", max_payload_size="100"))
    try:
        return await alice.pubsub.publish(SERVICE, node, payload=json('"' + "x" * 200 + '"'))
    finally:
        await alice.pubsub.set_node_config(SERVICE, node, form(f"{PUBSUB}#node_config", max_payload_size="262144"))


async def items_after(client, node, after, most):
    """A page of items (XEP-0059), and what the next one comes after: nothing on the last."""
    iq = client.Iq(sto=SERVICE, stype="get")
    iq["pubsub"]["items"]["node"] = node
    rsm = ET.SubElement(iq["pubsub"].xml, f"{{{RSM}}}set")
    ET.SubElement(rsm, f"{{{RSM}}}max").text = str(most)
    if after:
        ET.SubElement(rsm, f"{{{RSM}}}after").text = after
    answer = await iq.send()
    rsm = answer["pubsub"].xml.find(f"{{{RSM}}}set")
    first = rsm.find(f"{{{RSM}}}first")
    shown = int(first.get("index")) + len(ids(answer)) if first is not None else 0
    return answer, rsm.findtext(f"{{{RSM}}}last") if shown < int(rsm.findtext(f"{{{RSM}}}count")) else ""


async def people(alice, bob):
    """Affiliations, subscriptions that have to be approved, and those that an owner manages."""
    node = "alice:" + uuid.uuid4().hex
    await alice.pubsub.create_node(SERVICE, node, config=form(f"{PUBSUB}#node_config", access_model="authorize"))
    await alice.pubsub.publish(SERVICE, node, id="i", payload=json("1"))
    await refused(bob.pubsub.get_items(SERVICE, node), "not-authorized", "not-subscribed")
    asked = await bob.pubsub.subscribe(SERVICE, node)
    check(asked["pubsub"]["subscription"]["subscription"] == "pending", asked)
    await refused(bob.pubsub.subscribe(SERVICE, node), "not-authorized", "pending-subscription")

    def request(xml):
        x = xml.find("{jabber:x:data}x")
        return x if x is not None and node in ET.tostring(x, "unicode") else None
    await alice.next("the request for approval", request)
    command = await alice["xep_0050"].send_command(SERVICE, f"{PUBSUB}#get-pending")
    check(command["command"]["status"] == "executing", command)
    chosen = form(f"{PUBSUB}#subscribe_authorization", node=node)
    done = await alice["xep_0050"].send_command(SERVICE, f"{PUBSUB}#get-pending", payload=chosen, sessionid=command["command"]["sessionid"])
    check(done["command"]["status"] == "completed", done)
    x = await alice.next("the request that the command asks for", request)
    values = {f.get("var"): f.findtext("{jabber:x:data}value") for f in x.findall("{jabber:x:data}field")}
    reply = alice.make_message(mto=SERVICE)
    reply.append(form(f"{PUBSUB}#subscribe_authorization", node=values["pubsub#node"], subscriber_jid=values["pubsub#subscriber_jid"],
                      subid=values["pubsub#subid"], allow="1"))
    reply.send()
    approved = await bob.next("the approval", event("subscription", node))
    check(approved.get("subscription") == "subscribed", ET.tostring(approved))
    check(ids(await bob.pubsub.get_items(SERVICE, node)) == ["i"])

    own = await bob.pubsub.get_subscriptions(SERVICE, node)
    check(f"subid='{values['pubsub#subid']}'" in str(own).replace('"', "'"), own)
    await alice.pubsub.modify_affiliations(SERVICE, node, affiliations=[(BOB, "publisher")])
    affiliations = await alice.pubsub.get_node_affiliations(SERVICE, node)
    listed = {str(a["jid"]): a["affiliation"] for a in affiliations["pubsub_owner"]["affiliations"]}
    check(listed == {ALICE: "owner", BOB: "publisher"}, listed)
    await bob.pubsub.publish(SERVICE, node, id="bobs", payload=json("2"))
    await refused(bob.pubsub.get_node_config(SERVICE, node), "forbidden")
    mine = await bob.pubsub.get_affiliations(SERVICE)
    check(node in str(mine) and "publisher" in str(mine), mine)
    subscribers = await alice.pubsub.get_node_subscriptions(SERVICE, node)
    check([str(s["jid"]) for s in subscribers["pubsub_owner"]["subscriptions"]] == [BOB], subscribers)
    await alice.pubsub.modify_subscriptions(SERVICE, node, subscriptions=[(BOB, "none")])
    ended = await bob.next("the end of the subscription", event("subscription", node))
    check(ended.get("subscription") == "none", ET.tostring(ended))
    await alice.pubsub.modify_affiliations(SERVICE, node, affiliations=[(BOB, "outcast")])
    await refused(bob.pubsub.get_items(SERVICE, node), "forbidden")
    await refused(bob.pubsub.subscribe(SERVICE, node), "forbidden")
    await alice.pubsub.delete_node(SERVICE, node)


async def options(alice, bob):
    """Several subscriptions of one JID, their options and leases."""
    node = "alice:" + uuid.uuid4().hex
    await alice.pubsub.create_node(SERVICE, node)
    first = await bob.pubsub.subscribe(SERVICE, node)
    again = await bob.pubsub.subscribe(SERVICE, node)
    subid = first["pubsub"]["subscription"].xml.get("subid")
    check(again["pubsub"]["subscription"].xml.get("subid") == subid, again)
    wanted = form(f"{PUBSUB}#subscribe_options", include_body="1", expire="2096-01-01T00:00:00Z")
    second = await bob.pubsub.subscribe(SERVICE, node, options=wanted)
    other = second["pubsub"]["subscription"].xml.get("subid")
    check(other != subid and second["pubsub"]["subscription"].xml.get("expiry") == "2096-01-01T00:00:00Z", second)
    await refused(bob.pubsub.unsubscribe(SERVICE, node), "bad-request", "subid-required")
    await refused(bob.pubsub.unsubscribe(SERVICE, node, subid="x"), "not-acceptable", "invalid-subid")
    await bob.pubsub.unsubscribe(SERVICE, node, subid=other)
    got = await bob.pubsub.get_subscription_options(SERVICE, node, bob.boundjid.bare)
    check("pubsub#deliver" in str(got), got)
    bad = form(f"{PUBSUB}#subscribe_options", digest="1")
    await refused(set_options(bob, node, bad), "bad-request", "invalid-options")
    await set_options(bob, node, form(f"{PUBSUB}#subscribe_options", deliver="0"))
    await bob.pubsub.unsubscribe(SERVICE, node)
    await refused(bob.pubsub.unsubscribe(SERVICE, node), "unexpected-request", "not-subscribed")
    error = await refused(unknown(bob), "feature-not-implemented", "unsupported")
    check(error.find(f"{{{PUBSUB}#errors}}unsupported").get("feature") == "collections", ET.tostring(error))
    await alice.pubsub.delete_node(SERVICE, node)


def set_options(client, node, options):
    """What the library sends is of type get."""
    iq = client.Iq(sto=SERVICE, stype="set")
    iq["pubsub"]["options"]["node"] = node
    iq["pubsub"]["options"]["jid"] = client.boundjid.bare
    iq["pubsub"]["options"].append(options)
    return iq.send()


def unknown(client):
    iq = client.Iq(sto=SERVICE, stype="set")
    pubsub = ET.Element(f"{{{PUBSUB}#owner}}pubsub")
    ET.SubElement(pubsub, f"{{{PUBSUB}#owner}}associate", node="x")
    iq.append(pubsub)
    return iq.send()


async def jobs(alice, bob):
    """A job is submitted, by publishing and by a command; a worker of Redis is not needed to see it stand in its queue."""
    await bob.pubsub.publish(SERVICE, "queue", id="published", payload=json('{"a": 1}'))
    await refused(bob.pubsub.publish(SERVICE, "queue", id="published", payload=json('{"a": 2}')), "conflict")
    commands = await bob["xep_0050"].get_commands(SERVICE)
    check(f"{JOB}#submit" in [n for _, n, _ in commands["disco_items"]["items"]], commands)

    step = await bob["xep_0050"].send_command(SERVICE, f"{JOB}#submit")
    queues = step["command"]["form"].get_fields()["queue"]["options"]
    check([o["value"] for o in queues] == ["queue", "queue:worked"], step)
    session = step["command"]["sessionid"]
    step = await bob["xep_0050"].send_command(SERVICE, f"{JOB}#submit", payload=command_form(queue="queue"), sessionid=session, action="next")
    fields = step["command"]["form"].get_fields()
    check(list(fields) == ["FORM_TYPE", "queue", "id", "payload.a", "payload.urgent"], list(fields))
    step = await bob["xep_0050"].send_command(SERVICE, f"{JOB}#submit", sessionid=session, action="complete",
                                              payload=command_form(**{"queue": "queue", "id": "commanded", "payload.a": "5", "payload.urgent": "1"}))
    check(step["command"]["status"] == "completed", step)
    await refused(bob["xep_0050"].send_command(SERVICE, f"{JOB}#submit", payload=command_form(**{"queue": "queue", "id": "bad", "payload.urgent": "1"})),
                  "bad-request")
    both = await bob.pubsub.get_items(SERVICE, "queue", item_ids=["published", "commanded"])
    states = {i["id"]: (i["payload"].get("state"), i["payload"].findtext(f"{{{JOB}}}payload/{{{JSON}}}json")) for i in both["pubsub"]["items"]}
    check(states == {"published": ("queued", '{"a": 1}'), "commanded": ("queued", '{"a":5,"urgent":true}')}, states)
    await refused(alice.pubsub.publish(SERVICE, "queue", id="alices", payload=json('{"a": 1}')), "forbidden")

    await bob.pubsub.subscribe(SERVICE, "queue:worked")
    await bob.pubsub.publish(SERVICE, "queue:worked", id="w", payload=json('{"a": 7}'))
    def finished(xml):
        job = item("queue:worked", "w")(xml)
        return job if job is not None and job.find(f"{{{JOB}}}job").get("change") == "finish" else None
    await bob.next("the end of the job", finished)
    done = await bob.pubsub.get_items(SERVICE, "queue:worked", item_ids=["w"])
    job = done["pubsub"]["items"]["item"]["payload"]
    check(job.get("state") == "finished" and job.findtext(f"{{{JOB}}}result/{{{JSON}}}json") == '{"a": 7}', ET.tostring(job))
    await bob.pubsub.unsubscribe(SERVICE, "queue:worked")


def command_form(**fields):
    f = Form()
    f["type"] = "submit"
    for name, value in fields.items():
        f.add_field(var=name, value=value)
    return f


async def main():
    host, port = ADDRESS.rsplit(":", 1)
    alice, bob = Client(ALICE), Client(BOB)
    for c in (alice, bob):
        c.connect((host, int(port)), disable_starttls=True)
    await asyncio.wait_for(asyncio.gather(alice.ready, bob.ready), PATIENCE)
    for part in (nodes, notices, replay, people, options, patterns, jobs, leave):
        await part(alice, bob)
        print("ok", part.__name__, flush=True)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
try:
    loop.run_until_complete(main())
except Exception as e:
    print(f"{type(e).__name__}: {e}", file=sys.stderr)
    raise
