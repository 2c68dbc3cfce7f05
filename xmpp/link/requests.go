package link

import (
	"strconv"
	"sync"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// maxRequests is how many answers may be waited for at once.
const maxRequests = 10_000

// requests are those that we have sent and that are not answered yet. An answer counts only if it comes from where the
// request went: an id can be guessed.
type requests struct {
	prefix string // of the ids, unlike another process's

	mu   sync.Mutex
	last uint64
	open map[string]request
}

type request struct {
	to     jid.JID
	answer chan *stanza.Element
}

func (r *requests) add(to jid.JID) (id string, answer <-chan *stanza.Element, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) >= maxRequests {
		return "", nil, false
	}
	r.last++
	id = r.prefix + strconv.FormatUint(r.last, 36)
	c := make(chan *stanza.Element, 1)
	r.open[id] = request{to, c}
	return id, c, true
}

func (r *requests) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, id)
}

// answered gives an answer to who waits for it, and reports whether anybody does.
func (r *requests) answered(id string, from jid.JID, answer *stanza.Element) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	q, ok := r.open[id]
	if !ok || !q.to.Equal(from) {
		return false
	}
	delete(r.open, id)
	q.answer <- answer
	return true
}
