package thoonk

// Affiliation is what a JID is to a node (XEP-0060 section 4.1).
type Affiliation string

// The affiliations. The empty one is written "none".
const (
	NoAffiliation Affiliation = ""
	Owner         Affiliation = "owner"        // everything
	Publisher     Affiliation = "publisher"    // publish, retract, subscribe, read
	PublishOnly   Affiliation = "publish-only" // publish, and neither subscribe nor read
	Member        Affiliation = "member"       // subscribe and read
	Outcast       Affiliation = "outcast"      // nothing, whatever else allows it
)

// ParseAffiliation reads the name of an affiliation, or returns an [Invalid] error.
func ParseAffiliation(s string) (Affiliation, error) {
	switch a := Affiliation(s); a {
	case "none":
		return NoAffiliation, nil
	case Owner, Publisher, PublishOnly, Member, Outcast:
		return a, nil
	}
	return "", E(Invalid, "an affiliation is owner, publisher, publish-only, member, none or outcast")
}

// String returns the name that XEP-0060 has for it.
func (a Affiliation) String() string {
	if a == NoAffiliation {
		return "none"
	}
	return string(a)
}

// Affiliated is a JID and what it is to a feed.
type Affiliated struct {
	Feed        FeedName
	JID         string // bare
	Affiliation Affiliation
}

// Affiliate changes the affiliations of JIDs to a feed, all or none.
type Affiliate struct {
	Feed    FeedName
	Changes []Affiliated // NoAffiliation takes one away
	Actor   string
}

// Bounds on affiliations.
const (
	MaxAffiliations   = 10_000 // of a feed
	MaxAffiliateBatch = 1000   // in an Affiliate
)
