package payload

import (
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func encodeEntry(thoonk.FeedName, thoonk.Item) *stanza.Element { return nil }

func decodeEntry(*stanza.Element) (thoonk.Form, []byte, error) {
	return "", nil, stanza.Err(stanza.FeatureNotImplemented)
}
