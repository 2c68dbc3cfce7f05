package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// sink is a component whose addresses are the subscribers: what is delivered to them is counted, and not looked at. It
// speaks for any of them.
type sink struct {
	domain string
	conn   net.Conn

	left    atomic.Int64 // messages to come
	done    chan struct{}
	answers chan error // to requests
	ids     int
}

func newSink(server *thoonktest.XMPPServer) (*sink, error) {
	c, ok := server.NextComponent()
	if !ok {
		return nil, errors.New("no component is left")
	}
	conn, err := net.Dial("tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	k := &sink{domain: c.Domain, conn: conn, answers: make(chan error, 1<<17)}
	_, _ = fmt.Fprintf(conn, "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='%s'>", c.Domain)
	header := make([]byte, 4096)
	n := 0
	for !bytes.Contains(header[:n], []byte("id=")) || header[n-1] != '>' {
		m, err := conn.Read(header[n:])
		if err != nil {
			return nil, err
		}
		n += m
	}
	_, id, _ := strings.Cut(string(header[:n]), " id=")
	id, _, _ = strings.Cut(id[1:], id[:1])
	sum := sha1.Sum([]byte(id + c.Secret))
	_, _ = fmt.Fprintf(conn, "<handshake>%s</handshake>", hex.EncodeToString(sum[:]))
	if n, err = conn.Read(header); err != nil || !bytes.Contains(header[:n], []byte("<handshake")) {
		return nil, fmt.Errorf("the server does not take the component: %s, %w", header[:n], err)
	}
	go k.read()
	return k, nil
}

func (k *sink) close() { _ = k.conn.Close() }

var endOfMessage, startOfIQ = []byte("</message>"), []byte("<iq ")

// read counts the ends of messages, and takes what begins as an iq for the answer to a request.
func (k *sink) read() {
	buf := make([]byte, 256<<10)
	kept := 0
	for {
		n, err := k.conn.Read(buf[kept:])
		if err != nil {
			k.answers <- err
			return
		}
		seen := buf[:kept+n]
		if bytes.Contains(seen, startOfIQ) {
			seen = k.requests(seen)
		}
		if got := bytes.Count(seen, endOfMessage); got > 0 && k.left.Add(-int64(got)) == 0 {
			close(k.done)
		}
		if i := bytes.LastIndex(seen, endOfMessage); i >= 0 {
			seen = seen[i+len(endOfMessage):]
		}
		kept = copy(buf, seen)
		if kept == len(buf) {
			kept = copy(buf, seen[len(seen)-len(endOfMessage):])
		}
	}
}

// requests takes the whole answers out of what was read.
func (k *sink) requests(seen []byte) []byte {
	for {
		i := bytes.Index(seen, startOfIQ)
		if i < 0 {
			return seen
		}
		end := bytes.Index(seen[i:], []byte("</iq>"))
		tag := bytes.IndexByte(seen[i:], '>')
		switch {
		case tag > 0 && seen[i+tag-1] == '/':
			end = tag + 1
		case end >= 0:
			end += len("</iq>")
		default:
			return seen
		}
		answer := seen[i : i+end]
		if bytes.Contains(answer, []byte("error")) {
			k.answers <- fmt.Errorf("the service answers %s", answer)
		} else {
			k.answers <- nil
		}
		seen = append(seen[:i:i], seen[i+end:]...)
	}
}

func (k *sink) expect(n int) <-chan struct{} {
	k.done = make(chan struct{})
	k.left.Store(int64(n))
	return k.done
}

func await(done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-time.After(2 * time.Minute):
		return errors.New("not all messages came within 2 minutes")
	}
}

func (k *sink) write(b []byte) error {
	_, err := k.conn.Write(b)
	return err
}

// ask sends requests from users of the component, and waits until all are answered.
func (k *sink) ask(service string, users []string, payload func(user string) string) error {
	var b bytes.Buffer
	for len(users) > 0 {
		n := min(len(users), 50) // no more than a service takes at once
		b.Reset()
		for _, u := range users[:n] {
			k.ids++
			fmt.Fprintf(&b, "<iq type='set' id='r%d' from='%s@%s' to='%s'>%s</iq>", k.ids, u, k.domain, service, payload(u+"@"+k.domain))
		}
		if err := k.write(b.Bytes()); err != nil {
			return err
		}
		for range n {
			select {
			case err := <-k.answers:
				if err != nil {
					return err
				}
			case <-time.After(time.Minute):
				return errors.New("a request was not answered within a minute")
			}
		}
		users = users[n:]
	}
	return nil
}

const pubsub = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"

func (k *sink) create(service, node string) error {
	return k.ask(service, []string{"admin"}, func(string) string {
		return fmt.Sprintf(pubsub, "<create node='"+node+"'/><configure><x xmlns='jabber:x:data' type='submit'>"+
			"<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value></field>"+
			"<field var='pubsub#access_model'><value>open</value></field><field var='pubsub#persist_items'><value>1</value></field></x></configure>")
	})
}

// subscribe makes a node, and users who are subscribed to it.
func (k *sink) subscribe(service string, n int) error {
	if err := k.create(service, xmppNode); err != nil {
		return err
	}
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprint("u", i)
	}
	return k.ask(service, users, func(jid string) string {
		return fmt.Sprintf(pubsub, "<subscribe node='"+xmppNode+"' jid='"+jid+"'/>")
	})
}

const payload = "<entry xmlns='urn:example:entry'><title>Something of about the size that news have</title><summary>" +
	"And a summary of it, which is a little longer than the title is, and is not read by anybody here.</summary></entry>"

func (k *sink) publish(service string) error { return k.publishOn(service, xmppNode) }

func (k *sink) publishOn(service, node string) error {
	return k.ask(service, []string{"admin"}, func(string) string {
		return fmt.Sprintf(pubsub, fmt.Sprintf("<publish node='%s'><item id='i%d'>%s</item></publish>", node, k.ids, payload))
	})
}

// messages are the notifications of one item, encoded.
func (k *sink) messages(from string, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "<message from='%s' type='headline' to='u%d@%s' id='n%d'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='%s'>"+
			"<item id='i1'>%s</item></items></event><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='12-1763874399123456'/></message>",
			from, i, k.domain, i, xmppNode, payload, from)
	}
	return b.Bytes()
}
