package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRow(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	table := newTable(&b)
	table.add(row{what: "speed", ours: []float64{1000, 2000, 3000}, peer: "peer", their: []float64{4000, 4000, 4000}, unit: "/s", aim: "at least 0.5"})
	table.add(row{what: "cost", ours: []float64{2, 2}, peer: "peer", their: []float64{1, 4}, unit: "µs", cost: true})
	table.note("figure", []float64{12345}, "bytes")
	want := `| what | thoonkd | peer | the peer's | times as good (range) | aim |
| --- | --: | --- | --: | --: | --- |
| speed | 2,000 /s | peer | 4,000 /s | **0.50** (0.25 to 0.75) | at least 0.5 |
| cost | 2.00 µs | peer | 2.50 µs | **1.25** (0.50 to 2.00) |  |
| figure | 12,300 bytes |  |  |  |  |
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 200 {
		values = append(values, float64(200-i))
	}
	if got := []float64{quantile(values, 0.99), quantile(values[:1], 0.99), median(values)}; !slices.Equal(got, []float64{198, 200, 100.5}) {
		t.Error(got)
	}
}
