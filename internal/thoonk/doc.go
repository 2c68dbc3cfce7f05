// Package thoonk is the domain: feeds, items, events, revisions and the kinds of error that every edge
// translates. It imports the standard library only and knows neither Redis nor HTTP nor XMPP.
package thoonk
