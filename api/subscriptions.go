package api

import (
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

type subscriptionPage struct {
	Subscriptions []wireSubscription `json:"subscriptions"`
	Next          string             `json:"next,omitempty"`
}

// @Summary     List subscriptions of the hub
// @Description Your own, and all to feeds that you administer; those first that end first.
// @ID          listSubscriptions
// @Tags        Subscriptions
// @Param       topic    query string false "subscriptionTopic"
// @Param       callback query string false "subscriptionCallback"
// @Param       state    query string false "subscriptionState"
// @Param       limit    query int    false "length"
// @Param       cursor   query string false "cursor"
// @Success     200 {object} subscriptionPage "A page of subscriptions."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,429,500,503 {object} problem
// @Router      /v1/subscriptions [get]
func (s *Server) listSubscriptions(c *call) error {
	if err := c.mayHaveSubscriptions(); err != nil {
		return err
	}
	q, err := c.query("topic", "callback", "state", "limit", "cursor")
	if err != nil {
		return err
	}
	keep, err := chosen(c, q)
	if err != nil {
		return err
	}
	query := thoonk.HubQuery{Keep: keep}
	if query.Limit, err = limit(q); err != nil {
		return err
	}
	list := listOf("subscriptions", q.Get("topic"), q.Get("callback"), q.Get("state"))
	if query.After, err = list.start(q); err != nil {
		return err
	}
	found, err := s.o.Subscriptions.HubSubscriptions(c.ctx(), query)
	if err != nil {
		return err
	}
	page := subscriptionPage{Subscriptions: []wireSubscription{}}
	for _, d := range found.Subscriptions {
		page.Subscriptions = append(page.Subscriptions, toWireSubscription(d.Subscription, d.State))
	}
	page.Next = c.next(list, "/v1/subscriptions", q, found.Next)
	return c.sendList(http.StatusOK, marshal(page))
}

// chosen returns what tells the subscriptions that a query asks for and the caller may see.
func chosen(c *call, q url.Values) (func(thoonk.HubSubscription, thoonk.HubState) bool, error) {
	topic, callback, state := q.Get("topic"), q.Get("callback"), q.Get("state")
	switch state {
	case "", subscriptionActive, subscriptionFailing, subscriptionStalled, subscriptionPaused:
	default:
		return nil, inQuery(thoonk.E(thoonk.Invalid, "state is one of active, failing, stalled and paused"), "state")
	}
	return func(s thoonk.HubSubscription, st thoonk.HubState) bool {
		return (topic == "" || s.Topic == topic) && (callback == "" || s.Callback == callback) && (state == "" || stateOf(st) == state) &&
			seesSubscription(c.who, s)
	}, nil
}
