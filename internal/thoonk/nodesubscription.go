package thoonk

import (
	"strings"
	"time"
)

// NodeSubscription is a subscription of a JID to a node of XEP-0060, or to all nodes that match a pattern.
type NodeSubscription struct {
	Node    Pattern // the feed's name, or a pattern
	JID     string  // as it was subscribed: bare or full
	ID      string  // SubID: unique among those of the bare JID
	Domain  string  // the address of the component that it was made with, which notifies
	Pending bool    // an owner has to approve it first
	Options NodeOptions
	Expires time.Time // zero: never
	Created time.Time
}

// Bare returns the bare JID of the subscriber.
func (s NodeSubscription) Bare() string {
	bare, _, _ := strings.Cut(s.JID, "/")
	return bare
}

// NodeOptions are what a subscriber wants of notifications. The zero value wants all of them.
type NodeOptions struct {
	NoDeliver   bool `json:"no_deliver,omitempty"`   // none at all
	IncludeBody bool `json:"include_body,omitempty"` // with a body for people
}

// Bounds on subscriptions to nodes.
const (
	MaxNodeSubscriptions = 10_000 // of a bare JID
)
