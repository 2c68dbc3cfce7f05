package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// measureHTTP compares a publish over HTTP, kept in Redis' append-only file, with the same request to a store that does
// nothing.
func measureHTTP(ctx context.Context, s settings, t *table) (err error) {
	r, err := startRedis(ctx, "--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	var servers []*child
	for _, kind := range []string{"full", "null"} {
		c, err := startChild(ctx, kind, r.url())
		if err != nil {
			return err
		}
		defer func() { _ = c.stop() }()
		servers = append(servers, c)
	}
	for _, callers := range []int{1, many} {
		var sides []side
		for _, c := range servers {
			sides = append(sides, postSide(s, c, r, callers))
		}
		got, err := compare(ctx, s.rounds, sides)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("POST of an item, durable, %s", plural(callers, "connection"))
		t.rates(got, what, "full", "null", "")
		t.costs(got, "the same: CPU of the server a request", "full", "null", cpu, "µs")
		t.note("the same: CPU of Redis a request", got.of("full", redisCPU), "µs")
	}
	return nil
}

// postSide lets callers post items, each on a connection of its own.
func postSide(s settings, c *child, r *server, callers int) side {
	return side{c.kind, func(ctx context.Context) (f figures, err error) {
		p, err := newPosters(ctx, c.address, callers)
		if err != nil {
			return nil, err
		}
		defer p.close()
		before, err1 := c.do("usage")
		redis, err2 := r.usage(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		err = c.profiled(s.profile, fmt.Sprintf("post-%d", callers), func() error {
			n, d, err := hammer(ctx, callers, s.time, p.post)
			if err != nil {
				return err
			}
			after, err1 := c.do("usage")
			redisAfter, err2 := r.usage(ctx)
			spent, _ := redisAfter.spent(redis, n)
			f = figures{rate: perSecond(n, d), cpu: (after.CPU - before.CPU) * 1e6 / float64(n), redisCPU: spent}
			return errors.Join(err1, err2)
		})
		return f, err
	}}
}

// posters send one request over and over. They know just enough of HTTP to cost little beside the server.
type posters struct {
	request []byte
	idle    chan *poster
	all     []*poster
}

type poster struct {
	conn net.Conn
	r    *bufio.Reader
}

func newPosters(ctx context.Context, address string, n int) (*posters, error) {
	doc := `{"body":` + string(body) + `}`
	p := &posters{idle: make(chan *poster, n), request: fmt.Appendf(nil,
		"POST /v1/feeds/%s/items HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", ourFeed, len(doc), doc)}
	for range n {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			p.close()
			return nil, err
		}
		one := &poster{conn, bufio.NewReader(conn)}
		p.all = append(p.all, one)
		p.idle <- one
	}
	return p, nil
}

func (p *posters) close() {
	for _, one := range p.all {
		_ = one.conn.Close()
	}
}

func (p *posters) post(context.Context) error {
	one := <-p.idle
	defer func() { p.idle <- one }()
	if _, err := one.conn.Write(p.request); err != nil {
		return err
	}
	return one.answer()
}

// answer reads one response, which has to be 201.
func (p *poster) answer() error {
	status, length := "", 0
	for {
		line, err := p.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, isField := bytes.Cut(line, []byte(":"))
		switch {
		case status == "":
			status = string(line)
		case isField && strings.EqualFold(string(name), "Content-Length"):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		case len(line) == 2:
			if !strings.HasPrefix(status, "HTTP/1.1 201 ") {
				rest, _ := io.ReadAll(io.LimitReader(p.r, int64(length)))
				return fmt.Errorf("%s%s", status, rest)
			}
			_, err := p.r.Discard(length)
			return err
		}
	}
}
