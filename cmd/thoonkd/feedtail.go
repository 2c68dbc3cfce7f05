package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newFeedTail(f *feedCLI) *cobra.Command {
	var since string
	var snapshot, full bool
	var count int
	cmd := &cobra.Command{
		Use:   "tail FEED|PATTERN...",
		Short: "Follow feeds until interrupted",
		Long: `Follow feeds, one or several, or all whose names match a pattern, in which * stands
for anything. A connection that is cut is made again, and goes on where it ended. If
the server does not have all changes since then any more, it says reset.

As JSON each line is an event: the document of the API, and before its members
"event" (its kind, or item, live or reset) and "cursor" (what --since takes to go on
after it).`,
		Example: `  thoonkd feed tail news --snapshot
  thoonkd feed tail 'team:353:*' --output json | jq .body`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeFeeds(0),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			following := client.Following{Since: since, Snapshot: snapshot, Link: c.tellLink}
			for _, arg := range c.args {
				p, err := thoonk.ParsePattern(arg)
				if err != nil {
					return err
				}
				following.Feeds = append(following.Feeds, p)
			}
			return c.tail(ctx, following, count, full)
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "begin after this `REVISION`, or after this cursor of several feeds")
	cmd.Flags().BoolVar(&snapshot, "snapshot", false, "show the items that are there first")
	cmd.Flags().IntVar(&count, "count", 0, "end after this `NUMBER` of changes (0: never)")
	cmd.Flags().BoolVar(&full, "full", false, "do not cut long bodies")
	return cmd
}

func (c *feedCall) tail(ctx context.Context, following client.Following, count int, full bool) error {
	show := c.eventShower(following, full)
	if c.json {
		show = c.writeEvent
	}
	changes := 0
	for e, err := range c.client.Follow(ctx, following) {
		if err != nil {
			return err
		}
		if err := show(e); err != nil {
			return err
		}
		if e.Change() {
			changes++
		}
		if count > 0 && changes == count {
			break
		}
	}
	return nil
}

// tellLink says why nothing comes for a while. Tail goes on by itself.
func (c *feedCall) tellLink(err error) {
	if err != nil {
		fmt.Fprintf(c.stderr, "thoonkd: cut off, and trying again: %v\n", err)
	} else {
		fmt.Fprintln(c.stderr, "thoonkd: connected again")
	}
}

// writeEvent writes an event as one line of JSON. Line breaks in it stand between the tokens of a body, where a space
// does as well.
func (c *feedCall) writeEvent(e client.Event) error {
	head, err := json.Marshal(struct {
		Event  string `json:"event"`
		Cursor string `json:"cursor,omitempty"`
	}{e.Name, e.Cursor})
	if err != nil {
		return err
	}
	members := bytes.TrimPrefix(bytes.TrimSpace(e.Raw), []byte{'{'})
	if !bytes.Equal(bytes.TrimSpace(members), []byte{'}'}) {
		head[len(head)-1] = ','
		head = append(head, members...)
	}
	return writeLine(c.out, bytes.ReplaceAll(head, []byte{'\n'}, []byte{' '}))
}

// eventShower returns what writes an event as one line of text.
func (c *feedCall) eventShower(following client.Following, full bool) func(client.Event) error {
	t := table{out: c.out, widths: []int{len("2006-01-02 15:04:05"), len("configure")}}
	if !full {
		t.width = terminalWidth(c.out)
	}
	several := len(following.Feeds) > 1 || !following.Feeds[0].Literal()
	return func(e client.Event) error {
		cells := []string{showTime(e.At), e.Name}
		if several {
			cells = append(cells, string(e.Feed))
		}
		switch e.Name {
		case client.Live:
			cells = append(cells, "that was all; changes follow")
		case client.Reset:
			cells = append(cells, e.Detail)
		default:
			cells = append(cells, string(e.ItemID), describe(e))
		}
		t.add(cells...)
		return t.flush()
	}
}

// describe returns what an event says beside who and when.
func describe(e client.Event) string {
	text := showBody(e.Body)
	switch p := e.Position; {
	case e.Name != string(thoonk.Moved):
	case p.First:
		text = "to the first place"
	case p.Last:
		text = "to the last place"
	case p.Before != "":
		text = "before " + string(p.Before)
	case p.After != "":
		text = "after " + string(p.After)
	}
	if e.Restated {
		text = "(restated) " + text
	}
	return text
}
