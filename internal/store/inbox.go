package store

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds of the inbox and of one batch out of it.
const (
	inboxBytes   = 64 << 20
	batchEntries = 256
	batchBytes   = 4 << 20
	silence      = 10 * time.Second // after which the connection is asked whether it lives
)

// heard is what another client announced on a channel of the contract.
type heard struct {
	channel string // one of the channel constants
	feed    thoonk.FeedName
	id      thoonk.ItemID
	body    string
	at      time.Time
}

// inbox takes in what the contract's channels say, on one connection that is never made again: once it breaks,
// whatever was said meanwhile is lost, and only a reconciliation finds out what it did.
type inbox struct {
	subscription *redis.PubSub
	refused      func(error) // is told of names and ids that we do not take

	mu    sync.Mutex
	queue []heard
	bytes int
	err   error
	ready chan struct{} // has one token when there is something to take
}

var errInboxFull = errors.New("more foreign writes wait than the inbox holds")

// subscribe returns an inbox that hears everything from now on.
func (s *Store) subscribe(ctx context.Context, refused func(error)) (*inbox, error) {
	patterns := []string{
		channelNew, channelDeleted, channelConfig, channelOwn,
		channelPublish + "*", channelEdit + "*", channelRetract + "*", channelMove + "*", channelFinish + "*",
	}
	sub := s.redis.PSubscribe(ctx, patterns...)
	for range patterns {
		if _, err := sub.ReceiveTimeout(ctx, silence); err != nil {
			return nil, errors.Join(err, sub.Close())
		}
	}
	return &inbox{subscription: sub, refused: refused, ready: make(chan struct{}, 1)}, nil
}

// fill reads until the connection breaks, ctx ends or the inbox is full; take then returns the error.
func (in *inbox) fill(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = in.subscription.Close() })
	defer stop()
	own, asked := 0, false
	for {
		message, err := in.subscription.ReceiveTimeout(ctx, silence)
		if err != nil {
			if !asked && timedOut(err) && in.subscription.Ping(ctx) == nil {
				asked = true
				continue
			}
			in.end(err)
			return
		}
		asked = false
		m, ok := message.(*redis.Message)
		switch {
		case !ok: // a pong
		case m.Channel == channelOwn:
			own, _ = strconv.Atoi(m.Payload)
		case own > 0:
			own--
		case !in.put(m):
			in.end(errInboxFull)
			return
		}
	}
}

func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// put reports whether there was room.
func (in *inbox) put(m *redis.Message) bool {
	h, err := parseHeard(m.Channel, m.Payload)
	if err != nil {
		in.refused(err)
		return true
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue = append(in.queue, h)
	in.bytes += len(m.Channel) + len(m.Payload)
	in.wake()
	return in.bytes <= inboxBytes
}

// end makes take return err after what is queued. The first error stands; nil is none.
func (in *inbox) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.err = cmp.Or(in.err, err)
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take waits for messages and returns a batch of them in order; what came before the end is returned before the error.
func (in *inbox) take(ctx context.Context) ([]heard, error) {
	for {
		if batch, err := in.next(); len(batch) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-in.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (in *inbox) next() ([]heard, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	n, size := 0, 0
	for n < len(in.queue) && n < batchEntries && size < batchBytes {
		size += len(in.queue[n].body)
		in.bytes -= len(in.queue[n].body)
		n++
	}
	if n == 0 {
		return nil, in.err
	}
	batch := in.queue[:n:n]
	in.queue = in.queue[n:]
	if len(in.queue) == 0 {
		in.queue, in.bytes = nil, 0
	} else {
		in.wake()
	}
	return batch, nil
}

// parseHeard splits a message of the contract: fields are separated by NUL, and only the last may contain one.
func parseHeard(channel, payload string) (heard, error) {
	h := heard{channel: channel, at: time.Now()}
	var name, id string
	switch channel {
	case channelNew, channelDeleted, channelConfig:
		name, _, _ = strings.Cut(payload, "\x00")
	default:
		kind, rest, _ := strings.Cut(channel, ":")
		h.channel, name = kind+":", rest
		id, h.body, _ = strings.Cut(payload, "\x00")
	}
	var err error
	if h.feed, err = thoonk.ParseFeedName(name); err != nil {
		return h, err
	}
	if id != "" || h.channel != channel {
		h.id, err = thoonk.ParseItemID(id)
	}
	return h, err
}
