package thoonk

import "fmt"

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
	Owner  string    // the JID that becomes the owner of a feed that is made; may be empty
	If     Condition // on Feed.Revision
	Once   Once
	Actor  string
}

// PurgeFeed retracts all items of a feed.
type PurgeFeed struct {
	Name  FeedName
	Actor string
}

// DeleteFeed removes a feed with all its items and its history.
type DeleteFeed struct {
	Name  FeedName
	If    Condition // on Feed.Revision
	Once  Once
	Actor string
}

// PublishItem writes one item, new or in place of the one with that id.
type PublishItem struct {
	Feed FeedName
	ID   ItemID // empty: one is made
	Form Form   // how the caller wrote the body, checked against the feed's content
	Body []byte
	// Position is for a sorted feed, where the zero value leaves an item where it is, and puts a new one last.
	Position Position
	If       Condition // on Item.Revision
	// Declared is Feed.Revision as the caller read it, if it matters that the feed is declared like that still; zero: any. Stale, if it
	// is not.
	Declared Revision
	Once     Once
	Actor    string
}

// Published is the outcome of a [PublishItem] or of a publish in a [Batch]. The item comes without its body.
type Published struct {
	Item    Item
	Created bool // it was not there before
}

// RetractItem removes one item.
type RetractItem struct {
	Feed  FeedName
	ID    ItemID
	If    Condition // on Item.Revision
	Once  Once
	Actor string
	// Notify wants subscribers to the node told of it whatever the node's settings are (XEP-0060 section 7.2.2.1).
	Notify bool
}

// MoveItem places an item of a sorted feed anew. Where it stands there already, nothing happens.
type MoveItem struct {
	Feed     FeedName
	ID       ItemID
	Position Position
	If       Condition // on Item.Revision
	Once     Once
	Actor    string
}

// Bounds of a [Batch].
const (
	MaxBatch      = 1000
	MaxBatchBytes = 4 << 20 // of all bodies together
)

// Batch is up to [MaxBatch] operations on one feed, done in their order, all or none.
type Batch struct {
	Feed       FeedName
	Operations []Operation
	Declared   Revision // as of a [PublishItem]
	Once       Once
	Actor      string
}

// Operation is one write in a [Batch]. Of Publish, ID may be empty: one is made. An Edit wants the item to be there.
type Operation struct {
	Kind     EventKind // Publish, Edit, Retract or Moved
	ID       ItemID
	Form     Form // of Publish and Edit, as is Body
	Body     []byte
	Position Position  // of Publish, where the zero value is the end of a sorted feed, and of Moved
	If       Condition // on Item.Revision as it is before the batch
	Notify   bool      // of Retract: see RetractItem.Notify
}

// Once makes a write happen once, however often it is sent (Idempotency-Key). The zero value is none.
type Once struct {
	Key  string // of the principal's own choice and scoped to it, method and path; at most 512 bytes
	Hash string // of what is to be written: another hash under the same key is an [Unprocessable] error
}

// BatchError is the refusal of one operation, and so of the batch. Its kind is the reason's.
type BatchError struct {
	Index  int // of the operation, from 0
	Reason *Error
}

func (e *BatchError) Error() string { return fmt.Sprintf("operation %d: %v", e.Index, e.Reason) }

// Unwrap returns the reason.
func (e *BatchError) Unwrap() error { return e.Reason }

// ItemQuery asks for a page of a feed's items.
type ItemQuery struct {
	Feed  FeedName
	Order Order
	After string // ItemPage.Next of the page before; empty: from the start
	// AfterID is another way to say where the page begins: after this item, which has to be there.
	AfterID ItemID
	Skip    int // items left out at the start, where neither is given
	// ByCreation orders them by when they were first published, and takes no After.
	ByCreation bool
	Limit      int
}

// ItemPage is a page of items as they were at one moment.
type ItemPage struct {
	Items    []Item
	Next     string   // for ItemQuery.After; empty: that was the last page
	First    int      // place of the first of Items in the order of the query, from 0
	Total    int      // items in the feed
	Revision Revision // of the feed's last change
	Content  Content  // of the feed, as is Type
	Type     Type
}

// ChangeQuery asks for a page of a feed's history.
type ChangeQuery struct {
	Feed  FeedName
	After Revision // the page begins with the change after this one; zero: with the oldest that is kept
	Limit int
}

// ChangePage is a page of a feed's history, in order.
type ChangePage struct {
	Changes  []Event
	Revision Revision // of the feed's last change
}
