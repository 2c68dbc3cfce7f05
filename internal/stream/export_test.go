package stream

// SetPage makes snapshots come in pages of n items, for tests of what happens between two pages.
func (b *Broker) SetPage(n int) { b.page = n }
