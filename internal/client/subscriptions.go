package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Subscription is one of the hub's.
type Subscription struct {
	ID          string    `json:"id"`
	Topic       string    `json:"topic"`
	Callback    string    `json:"callback"`
	State       string    `json:"state"`
	Principal   string    `json:"principal"`
	Expires     time.Time `json:"expires"`
	Cursor      string    `json:"cursor"`
	Backlog     *uint64   `json:"backlog"`
	Delivered   uint64    `json:"delivered"`
	Failures    int       `json:"failures"`
	LastSuccess time.Time `json:"last_success"`
	LastError   string    `json:"last_error"`
	Attempts    []Attempt `json:"attempts"`

	Raw json.RawMessage `json:"-"` // the document, as the server sent it
}

// Attempt is a delivery that was tried.
type Attempt struct {
	At       time.Time `json:"at"`
	Delivery string    `json:"delivery"`
	Status   int       `json:"status"`
	Error    string    `json:"error"`
	Took     string    `json:"took"`
}

// SubscriptionQuery chooses subscriptions. What is empty is not asked for.
type SubscriptionQuery struct{ Topic, Callback, State string }

// Subscriptions yields all that the query chooses and the caller may see. It ends after the first error.
func (c *Client) Subscriptions(ctx context.Context, q SubscriptionQuery) iter.Seq2[Subscription, error] {
	query := url.Values{}
	set(query, "topic", q.Topic)
	set(query, "callback", q.Callback)
	set(query, "state", q.State)
	return list(ctx, c, "/v1/subscriptions", query, "subscriptions", parseSubscription)
}

// Subscription returns one, with its attempts.
func (c *Client) Subscription(ctx context.Context, id string) (Subscription, error) {
	raw, err := c.call(ctx, request{method: http.MethodGet, path: subscriptionPath(id)})
	if err != nil {
		return Subscription{}, err
	}
	return parseSubscription(raw)
}

// Intervene does to a subscription what the verb says. after is for a replay.
func (c *Client) Intervene(ctx context.Context, id string, verb thoonk.HubIntervention, after thoonk.Revision) error {
	r := request{method: http.MethodPost, path: subscriptionPath(id) + "/" + string(verb)}
	if verb == thoonk.HubReplay {
		body, err := json.Marshal(map[string]thoonk.Revision{"after": after})
		if err != nil {
			return err
		}
		r.body = body
	}
	_, err := c.call(ctx, r)
	return err
}

// RedeliverAll has all tried at once that the query chooses, or those that are stalled, and returns how many.
func (c *Client) RedeliverAll(ctx context.Context, q SubscriptionQuery) (int, error) {
	wanted := map[string]string{}
	for name, value := range map[string]string{"topic": q.Topic, "callback": q.Callback, "state": q.State} {
		if value != "" {
			wanted[name] = value
		}
	}
	body, err := json.Marshal(wanted)
	if err != nil {
		return 0, err
	}
	raw, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/subscriptions/redeliver", body: body})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Redelivered int `json:"redelivered"`
	}
	err = decode(raw, &answer)
	return answer.Redelivered, err
}

// DeleteSubscription ends one.
func (c *Client) DeleteSubscription(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: subscriptionPath(id)})
	return err
}

func subscriptionPath(id string) string { return "/v1/subscriptions/" + escape(id) }

func parseSubscription(raw json.RawMessage) (Subscription, error) {
	s := Subscription{Raw: raw}
	err := decode(raw, &s)
	return s, err
}
