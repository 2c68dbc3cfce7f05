package stream

import "github.com/thoonkd/thoonkd/internal/thoonk"

// ManyOptions say which feeds a follower of several follows, and what it begins with. A feed that is made later and
// matches is followed too.
type ManyOptions struct {
	Match    []thoonk.Pattern           // a feed is followed if one of them matches its name
	Allow    func(thoonk.FeedName) bool // and if this allows it, which is asked for every feed
	Since    thoonk.Revision            // a place in the log: changes after it; zero: from now on
	Snapshot bool                       // if there is no Since, or it is gone: first the items as they are
}
