package payload

import (
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// encodeEntry returns an item that is a JSON Feed item as an Atom entry.
func encodeEntry(source syndication.Source, item thoonk.Item) *stanza.Element {
	return parseElement(source.Entry(thoonk.Entry, item).AtomEntry())
}

func decodeEntry(e *stanza.Element) (thoonk.Form, []byte, error) {
	entry, err := syndication.ParseAtomEntry([]byte(e.String()))
	if err != nil {
		return "", nil, invalid("%s", stanza.FromError(err).Text)
	}
	return thoonk.FormBody, entry.JSON(), nil
}
