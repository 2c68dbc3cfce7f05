package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times of the connection that tracks.
const (
	trackPoll   = 250 * time.Millisecond // between two looks, where the server cannot track
	trackRetry  = time.Minute            // after which such a server is asked again whether it can
	trackAsk    = 5 * time.Second        // between two questions whether the server lives and is the master
	trackAnswer = 5 * time.Second
)

// tracker hears which keys changed, by the server's own account of them: CLIENT TRACKING in broadcasting mode, on one
// connection of RESP3. It is a connection of our own: the library's reads what is pushed only beside the answers to commands,
// connects anew without telling, and goes on after a frame that it read half.
// https://redis.io/docs/latest/develop/reference/client-side-caching/
type tracker struct {
	options  *redis.Options
	prefixes []string
	changed  func(key string) // is called for each key that changed
	missed   func()           // is called when any key may have changed: it tracks from now on, or cannot
	log      *slog.Logger

	tracks atomic.Bool // what changes from now on is heard
}

// errUntracked is the end of a session whose server cannot track.
var errUntracked = errors.New("the server does not track keys")

// run tracks until ctx ends.
func (t *tracker) run(ctx context.Context) {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	wait := shortest
	for {
		err := t.session(ctx)
		tracked := t.tracks.Swap(false)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errUntracked):
			t.log.InfoContext(ctx, "waiting: the server does not track keys, so it is asked 4 times a second", "error", err)
			t.poll(ctx)
			continue
		case tracked:
			wait = shortest
		default:
			wait = min(2*wait, longest)
		}
		t.log.WarnContext(ctx, "waiting: the connection that tracks keys is lost", "error", err, "again in", wait)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// poll stands in for tracking for a while.
func (t *tracker) poll(ctx context.Context) {
	for range int(trackRetry / trackPoll) {
		if !sleep(ctx, trackPoll) {
			return
		}
		t.missed()
	}
}

// session connects, and hears until the connection breaks.
func (t *tracker) session(ctx context.Context) error {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := t.options.Dialer(dialing, t.options.Network, t.options.Addr)
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	r := bufio.NewReader(conn)
	if err := t.begin(conn, r); err != nil {
		return err
	}
	t.tracks.Store(true)
	t.missed()
	return t.listen(conn, r)
}

func (t *tracker) begin(conn net.Conn, r *bufio.Reader) error {
	hello := []string{"HELLO", "3"}
	if user, password := t.options.Username, t.options.Password; password != "" {
		if user == "" {
			user = "default"
		}
		hello = append(hello, "AUTH", user, password)
	}
	track := []string{"CLIENT", "TRACKING", "ON", "BCAST"}
	for _, p := range t.prefixes {
		track = append(track, "PREFIX", p)
	}
	for _, command := range [][]string{hello, track} {
		if err := t.send(conn, command...); err != nil {
			return err
		}
		f, err := readFrame(r, 0)
		if err != nil {
			return err
		}
		if f.kind == '-' || f.kind == '!' {
			return refusedTracking(f.text)
		}
	}
	return nil
}

// refusedTracking tells a server that cannot from one that does not at the moment.
func refusedTracking(text string) error {
	err := serverError(text)
	for _, p := range passing {
		if redis.HasErrorPrefix(err, p) && p != "NOPERM" {
			return err
		}
	}
	return fmt.Errorf("%w: %s", errUntracked, text)
}

type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

func (t *tracker) send(conn net.Conn, command ...string) error {
	if err := conn.SetDeadline(time.Now().Add(trackAnswer)); err != nil {
		return err
	}
	_, err := conn.Write(appendCommand(nil, command...))
	return err
}

// listen hands on what is pushed. Now and then it asks for the server's role: a connection that is dead without a sign
// would push nothing for ever, and so would a master that is one no more.
func (t *tracker) listen(conn net.Conn, r *bufio.Reader) error {
	asked, answered := time.Now(), true
	for {
		if time.Since(asked) >= trackAsk {
			if !answered {
				return errors.New("the server does not answer")
			}
			if err := t.send(conn, "ROLE"); err != nil {
				return err
			}
			asked, answered = time.Now(), false
		}
		if err := conn.SetReadDeadline(asked.Add(trackAsk)); err != nil {
			return err
		}
		if _, err := r.Peek(1); timedOut(err) {
			continue // nothing of a frame was read
		}
		if err := conn.SetReadDeadline(time.Now().Add(trackAnswer)); err != nil {
			return err
		}
		f, err := readFrame(r, 0)
		if err != nil {
			return err
		}
		if f.kind != '>' {
			answered = true
			if len(f.items) > 0 && f.items[0].text != "master" {
				return fmt.Errorf("the server is a %s now", f.items[0].text)
			}
			continue
		}
		t.hear(f)
	}
}

// hear takes ["invalidate", [key, ...]]; without keys it stands for all of them (FLUSHALL).
func (t *tracker) hear(f frame) {
	if len(f.items) != 2 || f.items[0].text != "invalidate" {
		return
	}
	if f.items[1].kind == '_' {
		t.missed()
		return
	}
	for _, key := range f.items[1].items {
		t.changed(key.text)
	}
}
