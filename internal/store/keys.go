package store

import (
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Keys of the contract and of ours, in the classic layout: exactly the contract's names, and all of ours with the
// prefix "thoonk.".
const (
	keyFeeds   = "feeds"          // set of the names of all feeds
	keyKnown   = "thoonk.feeds"   // zset, all scores 0: the feeds that the log tells of, in the order of their bytes
	keyLog     = "thoonk.log"     // stream of all changes
	keyPlace   = "thoonk.place"   // the number of the log's last entry
	keyAdopter = "thoonk.adopter" // the fencing token of the process that adopts foreign writes

	channelOwn     = "thoonk.own" // marker before a script's own messages: how many follow
	channelNew     = "newfeed"
	channelDeleted = "delfeed"
	channelConfig  = "conffeed"
	channelPublish = "feed.publish:"
	channelEdit    = "feed.edit:"
	channelRetract = "feed.retract:"
	channelMove    = "feed.position:"
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
	}
}

// onceKey is where the outcome of a write with an idempotency key is kept.
func onceKey(o thoonk.Once) string { return "thoonk.once:" + o.Key }

// keyLease is a lease: its value is the fencing token of the process that holds it.
func keyLease(name string) string { return "thoonk.lease:" + name }

// keyAffiliations is a hash: bare JID to affiliation, and under fieldLife the life of the feed that they belong to.
func keyAffiliations(f thoonk.FeedName) string { return "thoonk.affiliations:" + string(f) }

// keyAffiliated is a set of the feeds that a JID may have an affiliation to: it may name more, and never less.
func keyAffiliated(jid string) string { return "thoonk.affiliated:" + jid }

func keyTicket(id string) string { return "thoonk.ticket:" + id }

// writeKeys are the KEYS of the scripts that do what a caller asked for: those of the feed, the idempotency key's, and
// those that the contract has for other types, the first of which is feed.idincr.
func writeKeys(f thoonk.FeedName, o thoonk.Once) []string {
	return slices.Concat(feedKeys(f), []string{onceKey(o)}, furtherKeys(f))
}

// keysOfWrite is how many of them scripts need that do not delete the feed.
const keysOfWrite = 15

// furtherKeys are the keys that the contract has for types other than feed.
func furtherKeys(f thoonk.FeedName) []string {
	var keys []string
	for _, prefix := range []string{"idincr", "published", "claimed", "cancelled", "stalled", "finishes"} {
		keys = append(keys, "feed."+prefix+":"+string(f))
	}
	return keys
}
