// Package hub is the edge for feed readers and webhooks: documents of feeds, and a hub in the sense of WebSub and
// PubSubHubbub 0.3 and 0.4.
package hub
