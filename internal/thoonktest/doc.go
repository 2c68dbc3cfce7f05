// Package thoonktest is what the tests of all packages share: real Redis servers, an in-memory one, and a foreign
// Thoonk client that knows nothing of thoonkd. Only tests import it.
package thoonktest
