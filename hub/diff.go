package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
)

// diff returns a document with those entries only that are not among the known ones as they are, and what stands around
// them byte for byte (PubSubHubbub 0.3 section 7.3); nil if nothing is new. known maps ids, which are compared exactly, to
// digests; entries is the same for the document. What is no feed is new as a whole, or not at all.
func diff(contentType string, document []byte, known map[string]string) (fresh []byte, entries map[string]string) {
	parts, err := cutFeed(contentType, document)
	if err != nil {
		parts = cuts{around: document}
	}
	entries = map[string]string{aroundID: digestOf(parts.around)}
	var kept, dropped []cutEntry
	times := map[string]int{}
	for _, e := range parts.entries {
		if times[e.id]++; times[e.id] > 1 { // two entries under one id are two
			e.id += "\x00" + strconv.Itoa(times[e.id])
		}
		d := digestOf(document[e.from:e.to])
		if known[e.id] == d {
			dropped = append(dropped, e)
		} else {
			kept = append(kept, e)
		}
		entries[e.id] = d
	}
	switch {
	case len(kept) == 0 && known[aroundID] == entries[aroundID]:
		return nil, entries
	case len(dropped) == 0:
		return document, entries
	case parts.listed:
		return relisted(document, parts.entries, kept), entries
	}
	return without(document, dropped), entries
}

// aroundID stands for what is around the entries. No id of an entry is empty.
const aroundID = ""

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawStdEncoding.EncodeToString(sum[:12])
}

type span struct{ from, to int }

type cutEntry struct {
	span
	id string
}

// cuts is where in a document its entries are, and what is around them, without dates that change with every entry.
type cuts struct {
	entries []cutEntry
	around  []byte
	listed  bool // there are commas between the entries
}

// without returns the document without some parts of it, which are in their order.
func without(document []byte, drop []cutEntry) []byte {
	out := make([]byte, 0, len(document))
	at := 0
	for _, s := range drop {
		out = append(out, document[at:s.from]...)
		at = s.to
	}
	return append(out, document[at:]...)
}

// relisted returns the document with some of its entries, which stand in a list.
func relisted(document []byte, entries, kept []cutEntry) []byte {
	list := make([][]byte, len(kept))
	for i, e := range kept {
		list[i] = document[e.from:e.to]
	}
	return bytes.Join([][]byte{document[:entries[0].from], bytes.Join(list, []byte{','}), document[entries[len(entries)-1].to:]}, nil)
}

// folded is text as it is compared: without what differs only in white space.
func folded(text []byte) []byte { return bytes.Join(bytes.Fields(text), []byte{' '}) }

func cutFeed(contentType string, document []byte) (cuts, error) {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case mediaType == "application/feed+json" || mediaType == "application/json":
		return cutJSON(document)
	case strings.HasSuffix(mediaType, "xml"):
		return cutXML(document)
	}
	return cuts{}, errNoFeed
}

var errNoFeed = errors.New("not a feed")

// cutXML finds the entries of Atom and the items of RSS.
func cutXML(document []byte) (cuts, error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // places are in bytes, whatever they say
	d.Strict = false
	f := xmlCutter{document: document}
	for {
		from := int(d.InputOffset())
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return f.cuts()
		}
		if err != nil {
			return cuts{}, err
		}
		f.token(t, from, int(d.InputOffset()))
	}
}

type xmlCutter struct {
	document []byte
	path     []string
	entries  []cutEntry
	dates    []cutEntry
	started  int // where the open entry or date began
	within   int // the depth of the open entry or date; 0: none is open
	id       string
	text     strings.Builder // of the element in which the id stands
}

func (f *xmlCutter) token(t xml.Token, from, to int) {
	switch t := t.(type) {
	case xml.StartElement:
		f.path = append(f.path, t.Name.Local)
		f.text.Reset()
		if f.within == 0 && (f.isEntry() || f.isDate()) {
			f.within, f.started, f.id = len(f.path), from, ""
			for _, a := range t.Attr {
				if a.Name.Local == "about" { // RSS 1.0
					f.id = a.Value
				}
			}
		}
	case xml.CharData:
		f.text.Write(t)
	case xml.EndElement:
		f.end(to)
	}
}

func (f *xmlCutter) end(to int) {
	switch depth := len(f.path); {
	case f.within == 0:
	case depth == f.within && f.isDate():
		f.dates = append(f.dates, cutEntry{span: span{f.started, to}})
		f.within = 0
	case depth == f.within:
		if f.id == "" {
			f.id = digestOf(f.document[f.started:to])
		}
		f.entries = append(f.entries, cutEntry{span{f.started, to}, f.id})
		f.within = 0
	case depth == f.within+1:
		switch name := f.path[depth-1]; {
		case name == "id" || name == "guid", name == "link" && f.id == "" && f.path[0] != "feed":
			f.id = f.text.String()
		}
	}
	f.path = f.path[:len(f.path)-1]
}

// where is the path of the open element, as far down as matters: a document may be all depth.
func (f *xmlCutter) where() string {
	if len(f.path) > 3 {
		return ""
	}
	return strings.Join(f.path, "/")
}

func (f *xmlCutter) isEntry() bool {
	switch f.where() {
	case "feed/entry", "rss/channel/item", "RDF/item":
		return true
	}
	return false
}

func (f *xmlCutter) isDate() bool {
	switch f.where() {
	case "feed/updated", "rss/channel/lastBuildDate", "rss/channel/pubDate":
		return true
	}
	return false
}

func (f *xmlCutter) cuts() (cuts, error) {
	if len(f.entries) == 0 && !bytes.Contains(f.document, []byte("<feed")) && !bytes.Contains(f.document, []byte("<rss")) && !bytes.Contains(f.document, []byte("RDF")) {
		return cuts{}, errNoFeed
	}
	drop := slices.Concat(f.entries, f.dates)
	slices.SortFunc(drop, func(a, b cutEntry) int { return a.from - b.from })
	return cuts{entries: f.entries, around: folded(without(f.document, drop))}, nil
}

// cutJSON finds the items of a JSON Feed.
func cutJSON(document []byte) (cuts, error) {
	var feed struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(document, &feed); err != nil || !strings.Contains(feed.Version, "jsonfeed.org") {
		return cuts{}, errNoFeed
	}
	d := json.NewDecoder(bytes.NewReader(document))
	_, err := d.Token() // it is an object
	c := cuts{listed: true, around: folded(document)}
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		if name == "items" {
			c.entries, err = cutItems(d)
			break
		}
		var skipped json.RawMessage
		err = d.Decode(&skipped)
	}
	if err == nil && len(c.entries) > 0 {
		c.around = folded(relisted(document, c.entries, nil))
	}
	return c, err
}

func cutItems(d *json.Decoder) ([]cutEntry, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, err
	}
	var entries []cutEntry
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return nil, err
		}
		to := int(d.InputOffset())
		var named struct {
			ID any `json:"id"`
		}
		_ = json.Unmarshal(item, &named) // one without is known by its digest
		id, _ := named.ID.(string)
		if id == "" {
			id = digestOf(item)
		}
		entries = append(entries, cutEntry{span{to - len(item), to}, id})
	}
	return entries, nil
}
