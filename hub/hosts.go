package hub

import (
	"context"
	"net/url"
	"sync"
)

// hosts bounds how many deliveries to one host are under way at once.
type hosts struct {
	mu sync.Mutex
	by map[string]*queue
}

type queue struct {
	active  int
	waiting []chan struct{} // in their order; each is closed when it is its turn
}

func newHosts() *hosts { return &hosts{by: make(map[string]*queue)} }

// hostOf is the host and port of a callback, as far as it matters here.
func hostOf(callback string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return callback
	}
	return u.Scheme + "://" + u.Host
}

// enter waits for a place among limit. It reports whether there is one: if already as many wait, or ctx ends, not.
func (h *hosts) enter(ctx context.Context, name string, limit int) bool {
	h.mu.Lock()
	e := h.by[name]
	if e == nil {
		e = &queue{}
		h.by[name] = e
	}
	if e.active < limit {
		e.active++
		h.mu.Unlock()
		return true
	}
	if len(e.waiting) >= limit {
		h.mu.Unlock()
		return false
	}
	turn := make(chan struct{})
	e.waiting = append(e.waiting, turn)
	h.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	h.mu.Lock()
	for i, w := range e.waiting {
		if w == turn {
			e.waiting = append(e.waiting[:i], e.waiting[i+1:]...)
			h.mu.Unlock()
			return false
		}
	}
	h.mu.Unlock()
	h.leave(name) // its turn came at the same moment
	return false
}

// leave gives the place to who waits longest.
func (h *hosts) leave(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.by[name]
	if len(e.waiting) > 0 {
		close(e.waiting[0])
		e.waiting = e.waiting[1:]
		return
	}
	if e.active--; e.active == 0 {
		delete(h.by, name)
	}
}
