package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// table prints rows of Markdown as they come.
type table struct {
	w     io.Writer
	begun bool
}

func newTable(w io.Writer) *table { return &table{w: w} }

// row is one comparison: what thoonkd did and what the peer did, in the same rounds.
type row struct {
	what  string
	ours  []float64
	peer  string
	their []float64
	unit  string
	// cost says that less is better.
	cost bool
	aim  string
}

func (t *table) add(r row) {
	ratios := r.ratios()
	t.cells(r.what, amount(median(r.ours), r.unit), named(r.peer), amount(median(r.their), r.unit),
		fmt.Sprintf("**%s** (%s to %s)", short(median(ratios)), short(slices.Min(ratios)), short(slices.Max(ratios))), r.aim)
}

// note prints a figure that is compared with nothing.
func (t *table) note(what string, values []float64, unit string) {
	t.cells(what, amount(median(values), unit), "", "", "", "")
}

func (t *table) cells(cells ...string) {
	if !t.begun {
		t.begun = true
		t.cells("what", "thoonkd", "peer", "the peer's", "times as good (range)", "aim")
		t.cells("---", "--:", "---", "--:", "--:", "---")
	}
	fmt.Fprintf(t.w, "| %s |\n", strings.Join(cells, " | "))
}

// named is the name of a side for people.
func named(side string) string {
	if name, ok := kinds[side]; ok {
		return name
	}
	return side
}

// ratios says for each round how many times as good thoonkd was as the peer.
func (r row) ratios() []float64 {
	ratios := make([]float64, len(r.ours))
	for i := range r.ours {
		ratios[i] = r.ours[i] / r.their[i]
		if r.cost {
			ratios[i] = 1 / ratios[i]
		}
	}
	return ratios
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quantile returns the smallest value that is not less than a share of all.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// amount writes three digits, with a comma before thousands.
func amount(v float64, unit string) string {
	text := short(v)
	if whole := math.Abs(v); whole >= 1000 && whole < 1e15 {
		scale := math.Pow(10, math.Floor(math.Log10(whole))-2)
		text = thousands(int64(math.Round(v/scale) * scale))
	}
	return strings.TrimSpace(text + " " + unit)
}

func short(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
