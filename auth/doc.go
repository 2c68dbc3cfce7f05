// Package auth says who a caller is and what it may do: principals, the grants they hold, the tokens that prove both,
// and the keys that the tokens are signed with. It is the same at every edge, and knows none of them.
package auth
