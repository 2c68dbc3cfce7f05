package thoonk

// FeedQuery asks for a page of the feeds whose names match.
type FeedQuery struct {
	Match Pattern  // empty: all
	Type  Type     // empty: any
	After FeedName // the page begins with the first name after this one, bytewise; empty: from the start
	Limit int
}

// PutFeed declares a feed: made if it is not there, configured if it is.
type PutFeed struct {
	Name   FeedName
	Config Config
	If     Condition // on Feed.Revision
	Actor  string
}

// DeleteFeed removes a feed with all its items and its history.
type DeleteFeed struct {
	Name  FeedName
	If    Condition // on Feed.Revision
	Actor string
}

// PublishItem writes one item, new or in place of the one with that id.
type PublishItem struct {
	Feed  FeedName
	ID    ItemID // empty: one is made
	Form  Form   // how the caller wrote the body, checked against the feed's content
	Body  []byte
	If    Condition // on Item.Revision
	Actor string
}

// Published is the outcome of a [PublishItem]. The item comes without its body.
type Published struct {
	Item    Item
	Created bool // it was not there before
}

// RetractItem removes one item.
type RetractItem struct {
	Feed  FeedName
	ID    ItemID
	If    Condition // on Item.Revision
	Actor string
}

// ItemQuery asks for a page of a feed's items.
type ItemQuery struct {
	Feed  FeedName
	Order Order
	After string // ItemPage.Next of the page before; empty: from the start
	Limit int
}

// ItemPage is a page of items as they were at one moment.
type ItemPage struct {
	Items    []Item
	Next     string   // for ItemQuery.After; empty: that was the last page
	Total    int      // items in the feed
	Revision Revision // of the feed's last change
	Content  Content  // of the feed
}
