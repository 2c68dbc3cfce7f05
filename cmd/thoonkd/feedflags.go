package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// positionFlags say where in a sorted feed an item goes.
type positionFlags struct {
	first, last   bool
	before, after string
}

var positionNames = []string{"first", "last", "before", "after"}

func (p *positionFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.first, "first", false, "put it first in a sorted feed")
	cmd.Flags().BoolVar(&p.last, "last", false, "put it last in a sorted feed")
	cmd.Flags().StringVar(&p.before, "before", "", "put it before the item with this `ID` of a sorted feed")
	cmd.Flags().StringVar(&p.after, "after", "", "put it after the item with this `ID` of a sorted feed")
	cmd.MarkFlagsMutuallyExclusive(positionNames...)
}

func (p *positionFlags) parse() (position thoonk.Position, err error) {
	position.First, position.Last = p.first, p.last
	if p.before != "" {
		position.Before, err = thoonk.ParseItemID(p.before)
	}
	if p.after != "" {
		position.After, err = thoonk.ParseItemID(p.after)
	}
	return position, err
}

// matchFlag is --if-match.
type matchFlag struct{ revision string }

func (m *matchFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.revision, "if-match", "", "fail unless this is the `REVISION` of the item")
}

// parse takes a revision as commands print it, and as it stands in an ETag.
func (m *matchFlag) parse() (thoonk.Condition, error) {
	if m.revision == "" {
		return thoonk.Condition{}, nil
	}
	r, err := thoonk.ParseRevision(strings.Trim(m.revision, `"`))
	return thoonk.Condition{Match: []thoonk.Revision{r}}, err
}
