package main

import "testing"

// BenchmarkPublish is for what Publish costs in Go: its allocations, and a profile (-cpuprofile). Its time is mostly Redis's.
func BenchmarkPublish(b *testing.B) {
	w, err := newWriters(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer w.close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.store.Publish(b.Context(), publication(w.id())); err != nil {
			b.Fatal(err)
		}
	}
}
