package link

import "sync"

// Bounds on what waits for a worker.
const (
	senderStanzas = 64
	senderBytes   = 4 << 20
	allStanzas    = 8192
	allBytes      = 64 << 20
)

// dispatcher runs jobs in a bounded number of goroutines: those of one sender in their order and one at a time, and of all
// senders in turn. A sender that floods it fills its own queue only.
type dispatcher struct {
	wait sync.WaitGroup

	mu      sync.Mutex
	wake    *sync.Cond
	senders map[string]*sender
	ready   []*sender // with jobs, and none of them running
	stanzas int
	bytes   int
	closed  bool
}

type sender struct {
	name  string
	jobs  []job
	bytes int
}

type job struct {
	run  func()
	size int
}

func newDispatcher(workers int) *dispatcher {
	d := &dispatcher{senders: make(map[string]*sender)}
	d.wake = sync.NewCond(&d.mu)
	for range workers {
		d.wait.Go(d.work)
	}
	return d
}

// submit takes a job of a sender, or reports false if too many are waiting.
func (d *dispatcher) submit(name string, size int, run func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.senders[name]
	if s == nil {
		s = &sender{name: name}
	}
	if len(s.jobs) >= senderStanzas || s.bytes+size > senderBytes || d.stanzas >= allStanzas || d.bytes+size > allBytes || d.closed {
		return false
	}
	if d.senders[name] == nil { // with none running either
		d.senders[name] = s
		d.ready = append(d.ready, s)
		d.wake.Signal()
	}
	s.jobs = append(s.jobs, job{run, size})
	s.bytes, d.bytes, d.stanzas = s.bytes+size, d.bytes+size, d.stanzas+1
	return true
}

func (d *dispatcher) work() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		for len(d.ready) == 0 && !d.closed {
			d.wake.Wait()
		}
		if d.closed {
			return
		}
		s := d.ready[0]
		d.ready = d.ready[1:]
		j := s.jobs[0]
		d.mu.Unlock()
		j.run()
		d.mu.Lock()
		s.jobs = s.jobs[1:] // only now: what runs counts as waiting
		s.bytes, d.bytes, d.stanzas = s.bytes-j.size, d.bytes-j.size, d.stanzas-1
		if len(s.jobs) == 0 {
			delete(d.senders, s.name)
			continue
		}
		d.ready = append(d.ready, s)
		d.wake.Signal()
	}
}

// close drops what waits, and returns when what runs has ended.
func (d *dispatcher) close() {
	d.mu.Lock()
	d.closed = true
	d.wake.Broadcast()
	d.mu.Unlock()
	d.wait.Wait()
}
