package thoonk

import (
	"net/url"
	"strings"
	"time"
)

const (
	maxSourceURL = 2048 // bytes
	maxNode      = 1023 // bytes of the name of a node elsewhere (XEP-0060 section 12.14)
)

// SourceNode is how far a node of a publish-subscribe service is followed.
type SourceNode struct {
	Subscription string    `json:"subscription,omitempty"` // SubID, where the service gives one
	Expires      time.Time `json:"expires,omitzero"`       // of the subscription
	Last         string    `json:"last,omitempty"`         // id, in the node's history, of the last change that was taken in
	Synced       bool      `json:"synced,omitempty"`       // all of its items were taken in once
}

// NodeURL returns the address of a node: XEP-0060 section 12.21.
func NodeURL(service, node string) string {
	return "xmpp:" + url.PathEscape(service) + "?;node=" + url.QueryEscape(node)
}

// ParseNodeURL reads the address of a node, "xmpp:service?;node=name", and returns an [Invalid] error if it is none. Whether the
// service is an address of XMPP is not looked at.
func ParseNodeURL(s string) (service, node string, err error) {
	fail := E(Invalid, "the url of a node is written xmpp:pubsub.example.org?;node=name").In("url")
	rest, found := strings.CutPrefix(s, "xmpp:")
	path, query, asked := strings.Cut(rest, "?")
	if !found || !asked || len(s) > maxSourceURL {
		return "", "", fail
	}
	if service, err = url.PathUnescape(strings.TrimPrefix(path, "//")); err != nil || service == "" || strings.ContainsAny(service, " \t\r\n") {
		return "", "", fail
	}
	for pair := range strings.SplitSeq(query, ";") {
		if value, found := strings.CutPrefix(pair, "node="); found {
			if node, err = url.QueryUnescape(value); err != nil {
				return "", "", fail
			}
		}
	}
	if node == "" || len(node) > maxNode || strings.ContainsFunc(node, notXML) {
		return "", "", fail
	}
	return service, node, nil
}
