package thoonk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest feed name or item id in bytes.
const MaxName = 512

// FeedName names a feed, sorted feed, queue or job queue: 1 to 512 bytes of UTF-8, XML 1.0 characters, no control
// characters, no "*", and neither "." nor "..".
type FeedName string

// ItemID names an item inside its feed: 1 to 512 bytes of UTF-8, XML 1.0 characters, no control characters.
type ItemID string

// ParseFeedName returns s as a feed name, or an [Invalid] error that says what is wrong with it.
func ParseFeedName(s string) (FeedName, error) {
	if why := faultIn(s); why != "" {
		return "", E(Invalid, "the feed name %s", why)
	}
	if strings.Contains(s, "*") {
		return "", E(Invalid, `the feed name contains "*", which stands for any bytes in patterns`)
	}
	if s == "." || s == ".." {
		return "", E(Invalid, `the feed name is "." or ".."`)
	}
	return FeedName(s), nil
}

// ParseItemID returns s as an item id, or an [Invalid] error that says what is wrong with it.
func ParseItemID(s string) (ItemID, error) {
	if why := faultIn(s); why != "" {
		return "", E(Invalid, "the item id %s", why)
	}
	return ItemID(s), nil
}

func faultIn(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > MaxName:
		return "is longer than 512 bytes"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "contains a control character"
		}
		if r == 0xFFFE || r == 0xFFFF { // https://www.w3.org/TR/xml/#charsets
			return "contains a character that XML 1.0 excludes"
		}
	}
	return ""
}
