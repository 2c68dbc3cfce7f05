package store

import (
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Keys of the contract and of ours, in the classic layout: exactly the contract's names, and all of ours with the
// prefix "thoonk.".
const (
	keyFeeds     = "feeds"            // set of the names of all feeds
	keyKnown     = "thoonk.feeds"     // zset, all scores 0: the feeds that the log tells of, in the order of their bytes
	keyLog       = "thoonk.log"       // stream of all changes
	keyWebhooks  = "thoonk.webhooks"  // set of the queues that declare a webhook; it may name more
	keyPlace     = "thoonk.place"     // the number of the log's last entry
	keyAdopter   = "thoonk.adopter"   // the fencing token of the process that adopts foreign writes
	keyTimers    = "thoonk.timers"    // zset: queue → when its next lease ends or its next job is due, in milliseconds
	keyRecurring = "thoonk.recurring" // zset: queue, line break, schedule → when it is due next, in milliseconds
	keyHolders   = "thoonk.holders"   // zset: process → its last sign of life, in milliseconds

	channelOwn     = "thoonk.own" // marker before a script's own messages: how many follow
	channelNew     = "newfeed"
	channelDeleted = "delfeed"
	channelConfig  = "conffeed"
	channelPublish = "feed.publish:"
	channelEdit    = "feed.edit:"
	channelRetract = "feed.retract:"
	channelMove    = "feed.position:"
	channelFinish  = "job.finish:"
)

func keyConfig(f thoonk.FeedName) string  { return "feed.config:" + string(f) }
func keyIDs(f thoonk.FeedName) string     { return "feed.ids:" + string(f) }
func keyItems(f thoonk.FeedName) string   { return "feed.items:" + string(f) }
func keyMeta(f thoonk.FeedName) string    { return "thoonk.meta:" + string(f) }
func keyLast(f thoonk.FeedName) string    { return "thoonk.last:" + string(f) }
func keyOrder(f thoonk.FeedName) string   { return "thoonk.order:" + string(f) }
func keyHistory(f thoonk.FeedName) string { return "thoonk.history:" + string(f) }

// feedKeys are the KEYS of every script of one feed, in the order that lua/lib.lua names.
func feedKeys(f thoonk.FeedName) []string {
	return []string{
		keyFeeds, keyConfig(f), keyIDs(f), keyItems(f), "feed.publishes:" + string(f),
		keyKnown, keyMeta(f), keyLast(f), keyHistory(f), keyLog, keyOrder(f), keyAdopter, keyPlace,
		ofQueue("jobs", f), ofQueue("held", f), ofQueue("due", f), ofQueue("leases", f), ofQueue("expires", f),
		ofQueue("ended", f), ofQueue("older", f), ofQueue("unique", f), ofQueue("waits", f), ofQueue("groups", f),
		ofQueue("rates", f), ofQueue("seen", f),
	}
}

// ofQueue is a key that only queues have, of type job or queue; lua/joblib.lua says what each holds.
func ofQueue(what string, f thoonk.FeedName) string { return "thoonk." + what + ":" + string(f) }

// keyHolding is the set of queues in which streams of a process have had leases.
func keyHolding(process string) string { return "thoonk.holding:" + process }

// onceKey is where the outcome of a write with an idempotency key is kept.
func onceKey(o thoonk.Once) string { return "thoonk.once:" + o.Key }

// keyLease is a lease: its value is the fencing token of the process that holds it.
func keyLease(name string) string { return "thoonk.lease:" + name }

// keyAffiliations is a hash: bare JID to affiliation, and under fieldLife the life of the feed that they belong to.
func keyAffiliations(f thoonk.FeedName) string { return "thoonk.affiliations:" + string(f) }

// keyAffiliated is a set of the feeds that a JID may have an affiliation to: it may name more, and never less.
func keyAffiliated(jid string) string { return "thoonk.affiliated:" + jid }

// Keys of subscriptions to nodes of XEP-0060; lua/nodesubscribe.lua says what each holds.
const (
	keyNodes        = "thoonk.nodes"
	keyNodePatterns = "thoonk.nodepatterns"
	keyNodeEnds     = "thoonk.nodeends"
	keyNodeBounces  = "thoonk.nodebounces" // hash: bare JID → since when nothing has arrived, in microseconds
)

func keyNodeSubs(n thoonk.Pattern) string    { return "thoonk.nodesubs:" + string(n) }
func keyNodePending(n thoonk.Pattern) string { return "thoonk.nodepending:" + string(n) }
func keyNodesOf(bare string) string          { return "thoonk.nodesof:" + bare }

// keyLinkPlace is the place in the log up to which all is told over the link of a domain.
func keyLinkPlace(domain string) string { return "thoonk.linkplace:" + domain }

// Keys of the hub. A subscription costs an entry in each of the first three, and one in the set of its topic.
const (
	keyHubSubs     = "thoonk.hub.subs"     // hash: id → what was asked for
	keyHubStates   = "thoonk.hub.states"   // hash: id → how far it is
	keyHubEnds     = "thoonk.hub.ends"     // zset: id → end of the lease, in milliseconds
	keyHubRefresh  = "thoonk.hub.refresh"  // zset: id → when a subscriber of PubSubHubbub 0.3 is asked to stay
	keyHubPatterns = "thoonk.hub.patterns" // set of the patterns of topics of several feeds
	keyHubDue      = "thoonk.hub.due"      // zset: id → since when it has something to deliver
	keyHubLater    = "thoonk.hub.later"    // zset: id → when to try again
	keyHubTaken    = "thoonk.hub.taken"    // hash: id of anything that is due → the token of the worker that has it
	keyHubDirty    = "thoonk.hub.dirty"    // set of what became due again while a worker has it
	keyHubWorkers  = "thoonk.hub.workers"  // set of the leases of workers, with their tokens
	keyHubPlace    = "thoonk.hub.place"    // place in the log up to which all that is due is marked
	keyHubIntents  = "thoonk.hub.intents"  // hash: id → request that its callback has still to confirm
	keyHubAsking   = "thoonk.hub.asking"   // zset: id of an intent → when to ask
	keyHubOrigins  = "thoonk.hub.origins"  // hash: address of a topic hosted elsewhere → what was fetched last
	keyHubFetch    = "thoonk.hub.fetch"    // zset: address of a topic hosted elsewhere → when to fetch it
)

func keyHubFeed(f thoonk.FeedName) string   { return "thoonk.hub.feed:" + string(f) }
func keyHubPattern(p thoonk.Pattern) string { return "thoonk.hub.match:" + string(p) }
func keyHubAttempts(id string) string       { return "thoonk.hub.attempts:" + id }

// keyHubTopic is the set of the subscriptions of a topic.
func keyHubTopic(s thoonk.HubSubscription) string {
	if s.Match != "" {
		return keyHubPattern(s.Match)
	}
	return keyHubFeed(s.Feed)
}

func keyTicket(id string) string { return "thoonk.ticket:" + id }

// writeKeys are the KEYS of the scripts that do what a caller asked for: those of the feed, the idempotency key's, and
// those that the contract has for other types, the first of which is feed.idincr.
func writeKeys(f thoonk.FeedName, o thoonk.Once) []string {
	return slices.Concat(feedKeys(f), []string{onceKey(o)}, furtherKeys(f))
}

// keysOfWrite is how many of them scripts need that do not delete the feed.
const keysOfWrite = 27

// jobKeys are the KEYS of the scripts of a queue.
func jobKeys(f thoonk.FeedName, o thoonk.Once) []string { return append(writeKeys(f, o), keyTimers) }

// furtherKeys are the keys that the contract has for types other than feed.
func furtherKeys(f thoonk.FeedName) []string {
	var keys []string
	for _, prefix := range []string{"idincr", "published", "claimed", "cancelled", "stalled", "finishes"} {
		keys = append(keys, "feed."+prefix+":"+string(f))
	}
	return keys
}

// Keys of sources.
const (
	keySources         = "thoonk.sources"          // hash: name → its life, and its declaration
	keySourceStates    = "thoonk.source.states"    // hash: name → its life, and what is known of it
	keySourceDue       = "thoonk.source.due"       // zset: name → when to look at it, in milliseconds
	keySourceCallbacks = "thoonk.source.callbacks" // hash: the secret part of our address for its hub → name
)

// keySourceSeen is a hash: id of an entry that came in → its digest and the fetch that had it last.
func keySourceSeen(name thoonk.FeedName) string { return "thoonk.source.seen:" + string(name) }

// sourceLease is the name of the lease of whoever works a source.
func sourceLease(name thoonk.FeedName) string { return "source:" + string(name) }
