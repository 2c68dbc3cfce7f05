// Package syndication turns items of feeds into entries, and entries into Atom 1.0 (RFC 4287), RSS 2.0, JSON Feed 1.1
// and HTML; and it reads these formats as the world writes them. What it writes is valid whatever is in the items: a
// body that makes no sense as an entry is shown as the text that it is.
package syndication
