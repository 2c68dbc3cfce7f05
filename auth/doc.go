// Package auth says who a caller is and what it may do: principals, the grants they hold, and the tokens that prove
// both. It is the same at every edge, and knows neither HTTP nor XMPP.
package auth
