package syndication

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html/charset"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds on a document that is read.
const (
	MaxDocument = 8 << 20 // bytes
	maxDepth    = 256     // of elements in each other
	maxID       = 4 << 10 // bytes of an id that is taken as it stands
	maxParsed   = 10_000  // entries, and tombstones
)

// Parse reads a document of Atom, RSS (0.9 to 2.0, RDF too) or JSON Feed as the world writes it: with the wrong
// character set, cut off, or with dates from nowhere. It returns what could be read; an Invalid error says that it is no
// feed. contentType is the header of the answer; empty: unknown. address is where the document is, for references in it
// that are relative; empty: those are left out. HTML is not sanitised.
func Parse(doc []byte, contentType, address string) (Feed, error) {
	doc = unzipped(doc)
	if len(doc) > MaxDocument {
		return Feed{}, thoonk.E(thoonk.TooLarge, "the document has more than %d bytes", MaxDocument)
	}
	var f Feed
	var err error
	if trimmed := bytes.TrimLeft(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF")), " \t\r\n"); bytes.HasPrefix(trimmed, []byte("{")) {
		f, err = parseJSONFeed(trimmed)
	} else {
		f, err = parseXML(doc, contentType, at(address))
	}
	if len(f.Entries) > maxParsed || len(f.Deleted) > maxParsed {
		return Feed{}, thoonk.E(thoonk.TooLarge, "the document has more than %d entries, or tombstones", maxParsed)
	}
	return f, err
}

// unzipped returns what a document is that was compressed, and not said to be. It is cut off beyond the bound.
func unzipped(doc []byte) []byte {
	if !bytes.HasPrefix(doc, []byte("\x1f\x8b")) {
		return doc
	}
	z, err := gzip.NewReader(bytes.NewReader(doc))
	if err != nil {
		return doc
	}
	plain, err := io.ReadAll(io.LimitReader(z, MaxDocument+1))
	if err != nil && len(plain) == 0 {
		return doc
	}
	return plain
}

func parseXML(doc []byte, contentType string, at place) (Feed, error) {
	doc = labelled(doc, contentType)
	f, err := parseOnce(doc, at)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, errTooDeep) {
		return f, thoonk.E(thoonk.Invalid, "the document has more than %d elements in each other", maxDepth)
	}
	if mended := inUTF8(doc); mended != nil { // an unknown or a wrong character set
		if f, again := parseOnce(mended, at); again == nil {
			return f, nil
		}
		doc = mended
	}
	if rest := cutOff(doc); rest != nil {
		if f, again := parseOnce(rest, at); again == nil && len(f.Entries) > 0 {
			return f, nil
		}
	}
	return Feed{}, thoonk.E(thoonk.Invalid, "the document is no feed that could be read").Because(err)
}

func parseOnce(doc []byte, at place) (Feed, error) {
	ids, err := survey(doc)
	if err != nil {
		return Feed{}, err
	}
	p := gofeed.NewParser()
	p.KeepOriginalFeed = true
	parsed, err := p.Parse(bytes.NewReader(doc))
	if err != nil {
		return Feed{}, err
	}
	f := fromGofeed(parsed, at)
	if parsed.FeedType == "atom" {
		f.exactly(ids)
	}
	return f, nil
}

var errTooDeep = errors.New("too many elements in each other")

// survey comes before the parser, which goes down by recursion. Entities that a document declares are never expanded, by
// neither. It returns the ids of Atom's entries as they stand, which the parser takes for references.
func survey(doc []byte) (ids []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	depth, entry, id := 0, false, false
	for {
		t, err := d.RawToken()
		if err != nil {
			return ids, nil //nolint:nilerr // for the parser to find
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 2:
				if entry = t.Name.Local == "entry"; entry {
					ids = append(ids, "")
				}
			case depth == 3:
				id = entry && t.Name.Local == "id"
			}
		case xml.CharData:
			if last := len(ids) - 1; id && depth == 3 && len(ids[last]) <= maxID {
				ids[last] += string(t)
			}
		case xml.EndElement:
			id = id && depth > 3
			depth--
		}
		if depth > maxDepth {
			return nil, errTooDeep
		}
	}
}

// exactly gives entries of Atom their ids as they stand (RFC 4287 section 4.2.6.1), where they can be told.
func (f *Feed) exactly(ids []string) {
	if len(ids) != len(f.Entries) {
		return
	}
	for i, id := range ids {
		if id = strings.TrimSpace(id); id != "" && len(id) <= maxID && utf8.ValidString(id) {
			f.Entries[i].ID = id
		}
	}
}

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)
var declaredEncoding = regexp.MustCompile(`encoding\s*=\s*["']([^"']*)["']`)

// labelled returns the document in UTF-8 if only the header says what it is written in (RFC 7303 section 3), or if a byte
// order mark does.
func labelled(doc []byte, contentType string) []byte {
	if bytes.HasPrefix(doc, []byte("\xFE\xFF")) || bytes.HasPrefix(doc, []byte("\xFF\xFE")) {
		if converted := convert(doc, "utf-16"); converted != nil {
			return undeclared(converted)
		}
	}
	doc = bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF"))
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["charset"] == "" || declaredEncoding.Match(declaration.Find(doc)) || utf8.Valid(doc) {
		return doc
	}
	if converted := convert(doc, params["charset"]); converted != nil {
		return undeclared(converted)
	}
	return doc
}

// inUTF8 guesses: what is not UTF-8 is most often windows-1252, whatever it says of itself. It returns nil if there is
// nothing to mend.
func inUTF8(doc []byte) []byte {
	if m := declaredEncoding.FindSubmatch(declaration.Find(doc)); m != nil && !strings.EqualFold(string(m[1]), "utf-8") {
		if utf8.Valid(doc) {
			return undeclared(doc)
		}
	} else if utf8.Valid(doc) {
		return nil
	}
	return undeclared(convert(doc, "windows-1252"))
}

func convert(doc []byte, label string) []byte {
	r, err := charset.NewReaderLabel(label, bytes.NewReader(doc))
	if err != nil {
		return nil
	}
	converted, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return bytes.TrimPrefix(converted, []byte("\xEF\xBB\xBF"))
}

func undeclared(doc []byte) []byte { return declaration.ReplaceAll(doc, nil) }

// cutOff returns a document without what comes after its last whole entry, and with its end; or nil.
func cutOff(doc []byte) []byte {
	for _, format := range []struct{ entry, end string }{
		{"</entry>", "</feed>"}, {"</atom:entry>", "</atom:feed>"}, {"</item>", "</channel></rss>"},
	} {
		i := bytes.LastIndex(doc, []byte(format.entry))
		if i < 0 {
			continue
		}
		end := format.end
		if bytes.Contains(doc[:i], []byte("<rdf:RDF")) {
			end = "</rdf:RDF>"
		}
		return append(bytes.Clone(doc[:i+len(format.entry)]), end...)
	}
	return nil
}

// parseJSONFeed reads JSON Feed, of any version.
func parseJSONFeed(doc []byte) (Feed, error) {
	v, err := decode(doc)
	o, ok := v.(map[string]any)
	items, isFeed := o["items"].([]any)
	if err != nil || !ok || !isFeed {
		return Feed{}, thoonk.E(thoonk.Invalid, "the document is JSON and no JSON Feed").Because(err)
	}
	f := fields(o)
	feed := Feed{
		Title: f.text("title"), Description: f.text("description"), Link: cleanURL(f.text("home_page_url")), Self: cleanURL(f.text("feed_url")),
		Icon: cleanURL(f.text("icon")), Language: language(f.text("language")), Authors: authors(o["authors"]),
	}
	hubs, _ := o["hubs"].([]any)
	for _, h := range hubs {
		if hub, ok := h.(map[string]any); ok {
			if u := cleanURL(fields(hub).text("url")); u != "" {
				feed.Hubs = append(feed.Hubs, u)
			}
		}
	}
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			e := fields(o).entry()
			e.Extensions = extensions(encode(o))
			feed.Entries = append(feed.Entries, e)
		}
	}
	if ours, ok := o["_thoonk"].(map[string]any); ok {
		feed.Complete, _ = ours["complete"].(bool)
		deleted, _ := ours["deleted"].([]any)
		for _, d := range deleted {
			if stone, ok := d.(map[string]any); ok {
				f := fields(stone)
				feed.Deleted = append(feed.Deleted, Tombstone{ID: f.text("id"), When: asTime(stone["when"])})
			}
		}
	}
	return feed, nil
}

// ParseAtomEntry reads one atom:entry element. What it has beyond the members of [Entry] is kept for [Entry.AtomEntry].
// Errors: Invalid.
func ParseAtomEntry(element []byte) (Entry, error) {
	wrapped := "<feed xmlns=\"" + nsAtom + "\">" + string(element) + "</feed>"
	if len(wrapped) > MaxDocument {
		return Entry{}, thoonk.E(thoonk.TooLarge, "the entry has more than %d bytes", MaxDocument)
	}
	f, err := parseOnce([]byte(wrapped), place{})
	if err != nil || len(f.Entries) != 1 {
		return Entry{}, thoonk.E(thoonk.Invalid, "this is no Atom entry (RFC 4287)").Because(err)
	}
	e := f.Entries[0]
	if kept := foreignOf(string(element)); kept != "" {
		e.Extensions = map[string]json.RawMessage{atomExtension: encode(kept)}
	}
	return e, nil
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return writable(*t)
}
