package stream

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// manySnapshot reads the items of all feeds that a follower follows, one feed after the other.
type manySnapshot struct {
	f *ManyFollower

	feeds   []thoonk.FeedName // still to be read, out of those listed
	after   []thoonk.FeedName // for each pattern, the name that was listed last
	pattern int               // that is being listed
	seen    map[thoonk.FeedName]struct{}
	reading bool
	feed    snapshotter
}

// read yields a part of the snapshot, or moves on.
func (s *manySnapshot) read(ctx context.Context) (Step, bool, error) {
	if !s.reading {
		return Step{}, false, s.turn(ctx)
	}
	items, content, err := s.feed.read(ctx)
	switch thoonk.KindOf(err) {
	case "":
	case thoonk.NotFound, thoonk.Conflict: // deleted meanwhile; or a queue, which has no items to show
		s.reading = false
		return Step{}, false, nil
	default:
		return Step{}, false, err
	}
	s.f.heads[s.feed.feed] = s.feed.head
	s.reading = !s.feed.done
	return Step{Kind: Items, Feed: s.feed.feed, Items: items, Content: content}, len(items) > 0, nil
}

// turn turns to the next feed, or ends the snapshot.
func (s *manySnapshot) turn(ctx context.Context) error {
	for len(s.feeds) == 0 {
		if s.pattern == len(s.f.o.Match) {
			s.f.phase = starting
			return nil
		}
		if err := s.list(ctx); err != nil {
			return err
		}
	}
	s.feed = s.f.broker.snapshotOf(s.feeds[0])
	s.feeds, s.reading = s.feeds[1:], true
	return nil
}

// list finds the next feeds of a pattern that no pattern before it had.
func (s *manySnapshot) list(ctx context.Context) error {
	if s.seen == nil {
		s.seen, s.after = make(map[thoonk.FeedName]struct{}), make([]thoonk.FeedName, len(s.f.o.Match))
	}
	feeds, err := s.f.broker.source.Feeds(ctx, thoonk.FeedQuery{Match: s.f.o.Match[s.pattern], After: s.after[s.pattern], Limit: feedBatch})
	if err != nil {
		return err
	}
	for _, feed := range feeds {
		s.after[s.pattern] = feed.Name
		if _, ok := s.seen[feed.Name]; ok || !s.f.follows(feed.Name) {
			continue
		}
		s.seen[feed.Name] = struct{}{}
		s.feeds = append(s.feeds, feed.Name)
	}
	if len(feeds) < feedBatch {
		s.pattern++
	}
	return nil
}
