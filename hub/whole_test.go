package hub

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// manyFeeds is very much to make one document of.
type manyFeeds struct {
	documents
	feeds, bytes int
	held         func() int // what is kept of it so far
	most         int
}

func (m *manyFeeds) Feeds(_ context.Context, q thoonk.FeedQuery) ([]thoonk.Feed, error) {
	var page []thoonk.Feed
	for i := range m.feeds {
		if name := thoonk.FeedName(fmt.Sprintf("f%05d", i)); name > q.After && len(page) < q.Limit {
			page = append(page, thoonk.Feed{Name: name, Config: thoonk.Config{Type: thoonk.TypeFeed, Content: thoonk.Text}})
		}
	}
	return page, nil
}

func (m *manyFeeds) Items(_ context.Context, q thoonk.ItemQuery) (thoonk.ItemPage, error) {
	m.most = max(m.most, m.held())
	var number uint64
	_, _ = fmt.Sscanf(string(q.Feed), "f%d", &number)
	page := thoonk.ItemPage{Content: thoonk.Text, Revision: thoonk.Revision{Number: 1, Stamp: 1}}
	for i := range 20 {
		at := time.Unix(int64(number)*7919%1000, int64(i))
		page.Items = append(page.Items, thoonk.Item{ID: thoonk.ItemID(fmt.Sprint(i)), Body: []byte(strings.Repeat("x", m.bytes)), Updated: at})
	}
	return page, nil
}

// Of several feeds no more is kept while they are read than a few times what is shown, and what is shown is the newest.
func TestManyFeedsFillNoMemory(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 100_000} {
		w := whole{telling: telling{topic: Topic{Match: "*", Format: Atom}}}
		m := &manyFeeds{feeds: 300, bytes: size, held: func() (bytes int) {
			for _, i := range w.items[:cap(w.items)] {
				bytes += len(i.Body)
			}
			return bytes
		}}
		r := &Renderer{Store: m}
		if err := r.readSeveral(t.Context(), &w, everyFeed); err != nil {
			t.Fatal(err)
		}
		if most := 2*maxEntryBytes + 20*size; m.most > most {
			t.Errorf("%d bytes are kept, more than %d", m.most, most)
		}
		want := min(maxEntries, maxEntryBytes/size)
		if len(w.items) != want {
			t.Errorf("%d items are shown, want %d", len(w.items), want)
		}
		for i := 1; i < len(w.items); i++ {
			if w.items[i].Updated.After(w.items[i-1].Updated) {
				t.Fatal("they are not in order")
			}
		}
		if oldest := w.items[len(w.items)-1].Updated; oldest.Before(time.Unix(int64(1000-want/20*1000/300-20), 0)) && size > 10 {
			t.Errorf("the oldest that is shown is of %v", oldest)
		}
	}
}

// manyJobs is a long history of jobs that have ended.
type manyJobs struct {
	documents
	jobs uint64
}

func (m manyJobs) Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error) {
	return thoonk.Feed{Name: "j", Config: thoonk.Config{Type: thoonk.TypeJob}}, nil
}

func (m manyJobs) Changes(_ context.Context, q thoonk.ChangeQuery) (thoonk.ChangePage, error) {
	page := thoonk.ChangePage{Revision: thoonk.Revision{Number: m.jobs, Stamp: 1}}
	for n := q.After.Number + 1; n <= m.jobs && len(page.Changes) < q.Limit; n++ {
		page.Changes = append(page.Changes, thoonk.Event{
			Feed: "j", Kind: thoonk.Finish, Job: true, ItemID: thoonk.ItemID(fmt.Sprint(n)), Revision: thoonk.Revision{Number: n, Stamp: n},
		})
	}
	return page, nil
}

// The document of a queue with a long history takes a moment, and has the jobs that ended last.
func TestManyJobsTakeAMoment(t *testing.T) {
	t.Parallel()
	const jobs = 200_000
	r := &Renderer{Store: manyJobs{jobs: jobs}, Addresses: addresses(t, "https://feeds.example.org")}
	done := make(chan error, 1)
	var w whole
	go func() {
		var err error
		w, err = r.read(context.Background(), Topic{Feed: "j", Format: Atom}, "", everyFeed)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil || len(w.items) != maxEntries || w.items[0].ID != "200000" || w.items[maxEntries-1].ID != "199001" {
			t.Errorf("%d items, %v", len(w.items), err)
		}
	case <-time.After(time.Minute): // of a second; what is quadratic takes minutes
		t.Fatal("it takes too long")
	}
}
