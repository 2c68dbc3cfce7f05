package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// capture returns the EVALSHA that the store sends for a publish, word by word off the wire: so what is measured is
// always what the store does.
func capture(ctx context.Context, s *server, p thoonk.PublishItem) ([]any, error) {
	t, err := newTap(filepath.Join(s.dir, "tap.sock"), s.socket())
	if err != nil {
		return nil, err
	}
	st, err := store.Open(store.Options{URL: "unix://" + t.listener.Addr().String()})
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	_, err = st.Publish(ctx, p) // may load the script
	if err == nil {
		_, err = st.Publish(ctx, p)
	}
	if err := errors.Join(err, st.Close(), t.close()); err != nil {
		return nil, err
	}
	return t.last("evalsha")
}

// tap hands connections on to Redis and keeps what the clients said.
type tap struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu   sync.Mutex
	said []*bytes.Buffer
}

func newTap(address, target string) (*tap, error) {
	listener, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	t := &tap{listener: listener, target: target}
	t.running.Go(t.accept)
	return t, nil
}

func (t *tap) accept() {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", t.target)
		if err != nil {
			_ = client.Close()
			return
		}
		said := new(bytes.Buffer)
		t.mu.Lock()
		t.said = append(t.said, said)
		t.mu.Unlock()
		t.running.Go(func() {
			_, _ = io.Copy(server, io.TeeReader(client, said)) // until the client leaves
			_ = server.Close()
		})
		t.running.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
	}
}

// close waits for the connections, whose clients must have left.
func (t *tap) close() error {
	err := t.listener.Close()
	t.running.Wait()
	return err
}

// last returns the last command of a name.
func (t *tap) last(name string) ([]any, error) {
	var found []any
	for _, said := range t.said {
		r := bufio.NewReader(said)
		for {
			command, err := readCommand(r)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			if strings.EqualFold(command[0].(string), name) {
				found = command
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no %s was sent", name)
	}
	return found, nil
}

// readCommand reads an array of bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/
func readCommand(r *bufio.Reader) ([]any, error) {
	n, err := readLength(r, '*')
	if err != nil {
		return nil, err
	}
	words := make([]any, n)
	for i := range words {
		size, err := readLength(r, '$')
		if err != nil {
			return nil, err
		}
		word := make([]byte, size+2)
		if _, err := io.ReadFull(r, word); err != nil {
			return nil, err
		}
		words[i] = string(word[:size])
	}
	return words, nil
}

func readLength(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err == nil && (line[0] != kind || n < 1 && kind == '*') {
		err = fmt.Errorf("not a command: %q", line)
	}
	return n, err
}

// with returns the command with one word in place of another.
func with(command []any, old, word string) []any {
	changed := make([]any, len(command))
	for i, w := range command {
		if w == old {
			w = word
		}
		changed[i] = w
	}
	return changed
}
