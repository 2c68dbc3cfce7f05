package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Subscriptions are those of the hub. Errors are of type [thoonk.Error].
type Subscriptions interface {
	HubSubscription(ctx context.Context, id string) (thoonk.HubSubscription, thoonk.HubState, error)
	HubSubscriptions(context.Context, thoonk.HubQuery) (thoonk.HubPage, error)
	HubAttempts(ctx context.Context, id string) ([]thoonk.HubAttempt, error)
	InterveneHub(ctx context.Context, id string, what thoonk.HubIntervention, from thoonk.Revision) error
	RemoveHubSubscription(ctx context.Context, s thoonk.HubSubscription, principal string, why thoonk.HubIntent) error
	// Head and LogEnd say how far a subscription could be.
	Head(context.Context, thoonk.FeedName) (thoonk.Revision, error)
	LogEnd(context.Context) (thoonk.Revision, error)
}

// The states of a subscription, as they are shown.
const (
	subscriptionActive  = "active"
	subscriptionFailing = "failing" // it is tried again
	subscriptionStalled = "stalled" // retries are used up
	subscriptionPaused  = "paused"
)

// wireSubscription is a subscription of the hub as it is shown, without its secret.
type wireSubscription struct {
	ID          string        `json:"id"`
	Topic       string        `json:"topic"`
	Callback    string        `json:"callback"`
	State       string        `json:"state" enums:"active,failing,stalled,paused"`
	Principal   string        `json:"principal"`
	Signed      bool          `json:"signed"`
	Algorithm   string        `json:"algorithm,omitempty"`
	Created     time.Time     `json:"created"`
	Expires     time.Time     `json:"expires"`
	Cursor      string        `json:"cursor,omitempty"`
	Backlog     *uint64       `json:"backlog,omitempty"`
	Delivered   uint64        `json:"delivered"`
	Failures    int           `json:"failures"`
	LastAttempt *time.Time    `json:"last_attempt,omitempty"`
	LastSuccess *time.Time    `json:"last_success,omitempty"`
	LastStatus  int           `json:"last_status,omitempty"`
	LastError   string        `json:"last_error,omitempty"`
	Attempts    []wireAttempt `json:"attempts,omitempty"`
}

// wireAttempt is a delivery that was tried: those that failed, and the one that worked after.
type wireAttempt struct {
	At       time.Time `json:"at"`
	Delivery string    `json:"delivery"`
	Status   int       `json:"status,omitempty"`
	Error    string    `json:"error,omitempty"`
	Took     string    `json:"took"`
}

func toWireSubscription(s thoonk.HubSubscription, st thoonk.HubState) wireSubscription {
	w := wireSubscription{
		ID: s.ID, Topic: s.Topic, Callback: s.Callback, State: stateOf(st), Principal: s.Principal,
		Signed: s.Secret != "", Created: s.Created, Expires: s.Expires, Delivered: st.Delivered, Failures: st.Failures,
		LastStatus: st.Status, LastError: st.Error, LastAttempt: someTime(st.Attempted), LastSuccess: someTime(st.Succeeded),
	}
	if w.Signed {
		w.Algorithm = s.Algorithm
	}
	if !st.Cursor.IsZero() {
		w.Cursor = st.Cursor.String()
	}
	return w
}

func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func stateOf(s thoonk.HubState) string {
	switch {
	case s.Paused:
		return subscriptionPaused
	case s.Stalled:
		return subscriptionStalled
	case s.Failures > 0:
		return subscriptionFailing
	}
	return subscriptionActive
}

// seesSubscription reports whether a principal may see and change a subscription: it is its own, or it administers all
// that the subscription is about.
func seesSubscription(who auth.Principal, s thoonk.HubSubscription) bool {
	if !who.Anonymous() && who.Name == s.Principal {
		return true
	}
	about := thoonk.Pattern(s.Feed)
	if s.Match != "" {
		about = s.Match
	}
	return slices.ContainsFunc(who.Grants, func(g auth.Grant) bool {
		return slices.Contains(g.Can, auth.Admin) && g.Match.Covers(about)
	})
}

// subscription returns the one that the path names. One that the caller may not see is not there.
func (c *call) subscription() (thoonk.HubSubscription, thoonk.HubState, error) {
	id, err := segment(c.Param("subscription"))
	if err != nil {
		return thoonk.HubSubscription{}, thoonk.HubState{}, inPath(err, "subscription")
	}
	if err := c.mayHaveSubscriptions(); err != nil {
		return thoonk.HubSubscription{}, thoonk.HubState{}, err
	}
	s, state, err := c.s.o.Subscriptions.HubSubscription(c.ctx(), id)
	if err == nil && !seesSubscription(c.who, s) {
		err = thoonk.E(thoonk.NotFound, "no such subscription")
	}
	return s, state, err
}

// mayHaveSubscriptions refuses anonymous callers without any rights, who will have forgotten their token.
func (c *call) mayHaveSubscriptions() error {
	if c.who.Anonymous() && len(c.who.Grants) == 0 {
		return thoonk.E(thoonk.Unauthenticated, "anonymous callers see no subscriptions: send the token that subscribed, or an administrator's")
	}
	return nil
}

// @Summary     Show a subscription of the hub
// @Description With how many changes it is behind, and the latest attempts that failed.
// @ID          getSubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     200 {object} wireSubscription "The subscription."
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription} [get]
func (s *Server) getSubscription(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	sub, state, err := c.subscription()
	if err != nil {
		return err
	}
	w := toWireSubscription(sub, state)
	if w.Backlog, err = s.backlog(c.ctx(), sub, state); err != nil {
		return err
	}
	attempts, err := s.o.Subscriptions.HubAttempts(c.ctx(), sub.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		w.Attempts = append(w.Attempts, wireAttempt{At: a.At.UTC(), Delivery: a.Delivery, Status: a.Status, Error: a.Error, Took: a.Took.Round(time.Millisecond).String()})
	}
	return c.send(http.StatusOK, marshal(w))
}

// backlog counts the changes that were not delivered: of the feed, or of the whole log. Where the cursor is of another
// life of the feed it is not known.
func (s *Server) backlog(ctx context.Context, sub thoonk.HubSubscription, state thoonk.HubState) (*uint64, error) {
	var head thoonk.Revision
	var err error
	if sub.Match != "" {
		head, err = s.o.Subscriptions.LogEnd(ctx)
	} else {
		head, err = s.o.Subscriptions.Head(ctx, sub.Feed)
	}
	if thoonk.KindOf(err) == thoonk.NotFound || err == nil && head.Number < state.Cursor.Number {
		return nil, nil //nolint:nilnil // not known
	}
	if err != nil {
		return nil, err
	}
	n := head.Number - state.Cursor.Number
	return &n, nil
}

// @Summary     End a subscription of the hub
// @Description The callback is not asked, and not told.
// @ID          deleteSubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     204 "It is over."
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription} [delete]
func (s *Server) deleteSubscription(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	sub, _, err := c.subscription()
	if err == nil {
		err = s.o.Subscriptions.RemoveHubSubscription(c.ctx(), sub, "", thoonk.HubIntent{})
	}
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
