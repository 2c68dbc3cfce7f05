package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// A subscriber that was away gets what it missed in one POST, in order; where the history does not have it any more, the
// whole document, marked.
func TestWhatWasMissed(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("b", thoonk.Config{History: thoonk.HistoryBounds{Count: 5}, MaxLength: 3})
	short, raw := newCallback(t, "/"), newCallback(t, "/")
	f.subscribe(c, "/feeds/blog.json")
	f.subscribe(short, "/feeds/b.atom")
	f.subscribe(raw, "/feeds/b/latest")
	for _, d := range f.subscriptions() {
		f.ok(f.InterveneHub(f.ctx, d.Subscription.ID, thoonk.HubPause, thoonk.Revision{}))
	}
	for i := range 20 {
		f.text("blog", thoonk.ItemID(fmt.Sprint(i)), fmt.Sprint("text ", i))
		f.text("b", thoonk.ItemID(fmt.Sprint(i)), fmt.Sprint("text ", i))
	}
	for _, d := range f.subscriptions() {
		f.ok(f.InterveneHub(f.ctx, d.Subscription.ID, thoonk.HubResume, thoonk.Revision{}))
	}
	d := c.next()
	if got := entries(t, d); len(got) != 20 || got[0] != "text 0" || got[19] != "text 19" || d.header.Get(headerReset) != "" {
		t.Errorf("%d entries, %v", len(got), d.header)
	}
	d = short.next()
	if got := entries(t, d); len(got) != 3 || d.header.Get(headerReset) != "true" {
		t.Errorf("%q, %v", got, d.header)
	}
	if d = raw.next(); d.body != "text 19" || d.header.Get(headerReset) != "true" {
		t.Errorf("%q, %v", d.body, d.header)
	}
	f.text("b", "z", "and on")
	if d = short.next(); d.header.Get(headerReset) != "" {
		t.Errorf("%v", d.header)
	}
	f.wantEntries(d, "and on")
	raw.next()
	for _, c := range []*callback{c, short, raw} {
		c.quiet()
	}
}

func TestReplayAndRedeliver(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog/latest")
	first := f.text("blog", "a", "1 one")
	f.text("blog", "b", "2 two")
	one, two := c.next(), c.next()
	id := f.only().Subscription.ID
	thoonktest.Eventually(t, "it is noted", func() bool { return f.only().State.Delivered == 2 })
	f.ok(f.InterveneHub(f.ctx, id, thoonk.HubReplay, thoonk.Revision{Number: first.Number, Stamp: first.Stamp}))
	if again := c.next(); again.body != two.body || again.header.Get(headerDelivery) != two.header.Get(headerDelivery) {
		t.Errorf("%s %v", again.body, again.header)
	}
	if one.header.Get(headerDelivery) == two.header.Get(headerDelivery) {
		t.Error("two deliveries have one id")
	}
	c.status(500)
	f.text("blog", "c", "3 three")
	thoonktest.Eventually(t, "it is stalled", func() bool { return f.only().State.Stalled })
	for range 1 + len(quick.Retries) {
		c.next()
	}
	c.status(200)
	f.ok(f.InterveneHub(f.ctx, id, thoonk.HubRedeliver, thoonk.Revision{}))
	if d := c.next(); d.body != "3 three" {
		t.Error(d.body)
	}
	thoonktest.Eventually(t, "it is noted that it works again", func() bool {
		attempts, err := f.HubAttempts(f.ctx, id)
		return err == nil && len(attempts) == 5 && attempts[0].Error == "" && attempts[1].Status == 500
	})
}

func TestTopicOfSeveralFeeds(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("a:1", thoonk.Config{})
	topic := publicURL + "/feeds.atom?match=a:*"
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", topic)
	if q := c.asked("subscribe"); q.Get("hub.topic") != topic {
		t.Fatal(q)
	}
	f.settled()
	f.feed("a:2", thoonk.Config{})
	f.text("blog", "x", "not this")
	f.text("a:1", "x", "one")
	f.text("a:2", "x", strings.Repeat("large ", 500)+"two") // longer than what the log keeps
	var got []string
	for len(got) < 2 {
		got = append(got, entries(t, c.next())...)
	}
	if got[0] != "one" || !strings.HasSuffix(got[1], "two") {
		t.Errorf("%q", got)
	}
	c.quiet()
	// Who may not read all of it has it not.
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", publicURL+"/feeds.atom?match=*:1")
	c.asked("denied")
}

// A private topic is for the bearer of a token, and as long as the token holds. Nobody else may change the subscription.
func TestPrivateTopics(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("private", thoonk.Config{})
	topic := publicURL + "/feeds/private.atom"
	alice, bob := f.token("alice", 100*time.Second, "private=read"), f.token("bob", time.Hour, "private=read")
	form := []string{"hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", topic, "hub.lease_seconds", "5000"}
	if w := f.post(alice, form...); w.Code != 202 {
		t.Fatal(w.Code, w.Body)
	}
	q := c.asked("subscribe")
	if lease, err := strconv.Atoi(q.Get("hub.lease_seconds")); err != nil || lease > 100 || lease < 50 {
		t.Errorf("%v", q)
	}
	f.settled()
	if s := f.only().Subscription; time.Until(s.Expires) > 100*time.Second || s.Principal != "jwt:test|alice" {
		t.Errorf("%+v", s)
	}
	for _, token := range []string{bob, ""} {
		for _, mode := range []string{"subscribe", "unsubscribe"} {
			form[1] = mode
			if w := f.post(token, form...); w.Code != 403 {
				t.Errorf("another's %s is answered %d", mode, w.Code)
			}
		}
	}
	f.text("private", "x", "secret")
	f.wantEntries(c.next(), "secret")
	if strings.Contains(topic, alice) || strings.Contains(c.url, alice) {
		t.Error("the token is in an address")
	}
}

func TestStandardWebhooks(t *testing.T) {
	f, c := withBlog(t, quick)
	key := []byte("0123456789abcdef0123456789abcdef")
	secret := "whsec_" + base64.StdEncoding.EncodeToString(key)
	f.subscribe(c, "/feeds/blog/latest", "hub.secret", secret)
	f.text("blog", "x", "some text")
	d := c.next()
	id, stamp := d.header.Get("webhook-id"), d.header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + d.body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); d.header.Get("webhook-signature") != want || id != d.header.Get(headerDelivery) {
		t.Errorf("%v, want %s", d.header, want)
	}
	if d.header.Get("X-Hub-Signature") != signature("sha256", secret, []byte(d.body)) {
		t.Error("it is not signed as WebSub has it")
	}
}

// Finished and stalled jobs are entries of their queue's topic.
func TestAQueueIsATopic(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("jobs", thoonk.Config{Type: thoonk.TypeJob})
	f.subscribe(c, "/feeds/jobs.atom")
	_, err := f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "jobs", Jobs: []thoonk.NewJob{
		{ID: "one", Form: thoonk.FormText, Payload: []byte("work")}, {ID: "two", Form: thoonk.FormText, Payload: []byte("work")},
	}})
	f.ok(err)
	claimed, err := f.ClaimJobs(f.ctx, "jobs", []thoonk.ClaimJobs{{Count: 2, Lease: time.Minute}})
	f.ok(err)
	token := claimed[0].Lease.Token
	ends, err := f.FinishJobs(f.ctx, "jobs", []thoonk.FinishJob{{ID: "one", Token: token}})
	f.ok(err)
	if ends[0].Err != nil {
		t.Fatal(ends[0].Err)
	}
	ends, err = f.StallJobs(f.ctx, "jobs", []thoonk.StallJob{{ID: "two", Token: token, Error: "no such address"}})
	f.ok(err)
	if ends[0].Err != nil {
		t.Fatal(ends[0].Err)
	}
	told := map[string]string{}
	for len(told) < 2 { // they may come in one delivery or in two
		doc, err := syndication.Parse([]byte(c.next().body), Atom.MediaType(), "")
		f.ok(err)
		for _, e := range doc.Entries {
			told[e.Title] = e.ContentText
		}
	}
	if want := map[string]string{"Job one finished": "finished", "Job two stalled": "stalled"}; !maps.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// Two processes share the work: each subscription gets everything, in order and once; and nothing is lost with the one
// that ends.
func TestProcessesShareTheWork(t *testing.T) {
	f, _ := withBlog(t, quick)
	other := f.newHub(quick)
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		other.Run(ctx)
	}()
	const subscribers, items = 10, 30
	var callbacks []*callback
	for range subscribers {
		c := newCallback(t, "/")
		f.subscribe(c, "/feeds/blog/latest")
		callbacks = append(callbacks, c)
	}
	for i := range items {
		f.text("blog", thoonk.ItemID(fmt.Sprint(i)), fmt.Sprint("item ", i))
		if i == items/2 {
			stop()
			<-ended
		}
	}
	for n, c := range callbacks {
		seen := map[string]bool{}
		for i := 0; i < items; {
			d := c.next()
			switch id := d.header.Get(headerDelivery); {
			case d.body == fmt.Sprint("item ", i):
				seen[id] = true
				i++
			case !seen[id]:
				t.Fatalf("subscriber %d got %q in place of item %d", n, d.body, i)
			}
		}
	}
}

func TestHeaderKeepsAddressesInTheirPlace(t *testing.T) {
	t.Parallel()
	if got := linkable("https://a/<\">x"); strings.ContainsAny(got, `<>" `) {
		t.Error(got)
	}
	if _, err := http.NewRequest(http.MethodGet, linkable("https://a/x y"), nil); err != nil {
		t.Error(err)
	}
}
