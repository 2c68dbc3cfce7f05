package thoonktest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Message is a message on a channel of the contract. Fields in the payload are separated by a NUL.
type Message struct {
	Channel string
	Payload string
}

// unread is how many messages a listener may leave lying.
const unread = 1 << 16

var (
	wholeChannels = []string{"newfeed", "delfeed", "conffeed"}
	itemChannels  = []string{
		"feed.publish:", "feed.edit:", "feed.retract:", "feed.position:",
		"job.finish:", "feed.publishes:", "feed.claimed:",
	}
)

// Listen subscribes as an old client does: to the channels that tell of feeds as a whole, and to the channels of the
// feeds named, or of all feeds if none is. Every message that is sent after Listen has returned comes out of the
// channel, in order. It is closed when the connection breaks and when the test ends.
func Listen(t testing.TB, c redis.UniversalClient, feeds ...string) <-chan Message {
	t.Helper()
	ctx := context.Background()
	channels, patterns := wholeChannels, []string(nil)
	if len(feeds) == 0 { // all by patterns: the Redis in memory keeps no order between what comes by these and by names
		channels, patterns = nil, wholeChannels
	}
	for _, prefix := range itemChannels {
		for _, feed := range feeds {
			channels = append(channels[:len(channels):len(channels)], prefix+feed)
		}
		if len(feeds) == 0 {
			patterns = append(patterns[:len(patterns):len(patterns)], prefix+"*")
		}
	}
	ps := c.Subscribe(ctx, channels...)
	if len(patterns) > 0 {
		if err := ps.PSubscribe(ctx, patterns...); err != nil {
			t.Fatal(err)
		}
	}
	for unconfirmed := len(channels) + len(patterns); unconfirmed > 0; {
		m, err := ps.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.(*redis.Subscription); ok {
			unconfirmed--
		}
	}
	out, done := make(chan Message, unread), make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for {
			m, err := ps.ReceiveMessage(ctx)
			if err != nil {
				return // closed by the cleanup, or the server is gone
			}
			select {
			case out <- Message{m.Channel, m.Payload}:
			default:
				t.Errorf("the listener's messages are not read: %d are waiting", unread)
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = ps.Close()
		<-done
	})
	return out
}
