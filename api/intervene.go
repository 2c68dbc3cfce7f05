package api

import (
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// @Summary     Pause a subscription
// @Description Nothing is delivered until it is resumed; then what it missed is.
// @ID          pauseSubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     204 "It is paused."
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription}/pause [post]
func (s *Server) pauseSubscription(c *call) error { return s.intervene(c, thoonk.HubPause) }

// @Summary     Resume a subscription
// @ID          resumeSubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     204 "It is resumed."
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription}/resume [post]
func (s *Server) resumeSubscription(c *call) error { return s.intervene(c, thoonk.HubResume) }

// @Summary     Deliver again at once
// @Description What is not delivered yet is tried at once, with all retries anew.
// @ID          redeliverSubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     204 "It is being tried."
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription}/redeliver [post]
func (s *Server) redeliverSubscription(c *call) error { return s.intervene(c, thoonk.HubRedeliver) }

func (s *Server) intervene(c *call, what thoonk.HubIntervention) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	sub, _, err := c.subscription()
	if err == nil {
		err = s.o.Subscriptions.InterveneHub(c.ctx(), sub.ID, what, thoonk.Revision{})
	}
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}

// @Summary     Deliver all changes after a revision again
// @Description Where the history does not have that revision any more, the whole document is sent. A paused subscription is resumed.
// @ID          replaySubscription
// @Tags        Subscriptions
// @Param       subscription path string true "subscription"
// @Success     204 "It is being delivered."
// @Failure     400,401,404,408,413,415,429,500,503 {object} problem
// @Router      /v1/subscriptions/{subscription}/replay [post]
func (s *Server) replaySubscription(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	var after thoonk.Revision
	err = eachMember(data, func(m member) error {
		if m.name != "after" {
			return unknownMember(m.name, "after")
		}
		text, err := asString(m.value)
		if err == nil {
			after, err = thoonk.ParseRevision(text)
		}
		return err
	})
	if err == nil && after.IsZero() {
		err = inBody(thoonk.E(thoonk.Invalid, `"after" is needed: the revision after which to begin`), "after")
	}
	if err != nil {
		return err
	}
	sub, _, err := c.subscription()
	if err == nil {
		err = s.o.Subscriptions.InterveneHub(c.ctx(), sub.ID, thoonk.HubReplay, after)
	}
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}

// maxRedeliver bounds how many subscriptions one request redelivers.
const maxRedeliver = 1000

type redelivered struct {
	Redelivered int  `json:"redelivered"`
	More        bool `json:"more,omitempty"` // there are more: ask again
}

// @Summary     Deliver again at once, to many
// @Description Of the subscriptions that you may see: those that are stalled, or as the request says. At most 1,000 at once; if there are more the answer says so.
// @ID          redeliverSubscriptions
// @Tags        Subscriptions
// @Success     200 {object} redelivered "How many are being tried."
// @Failure     400,401,408,413,415,429,500,503 {object} problem
// @Router      /v1/subscriptions/redeliver [post]
func (s *Server) redeliverSubscriptions(c *call) error {
	if err := c.mayHaveSubscriptions(); err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	wanted, err := parseRedeliver(data)
	if err != nil {
		return err
	}
	keep, err := chosen(c, wanted)
	if err != nil {
		return inBody(thoonk.E(thoonk.Invalid, "state is one of active, failing, stalled and paused"), "state")
	}
	found, err := s.o.Subscriptions.HubSubscriptions(c.ctx(), thoonk.HubQuery{Limit: maxRedeliver, Keep: keep})
	if err != nil {
		return err
	}
	answer := redelivered{More: found.Next != ""}
	for _, d := range found.Subscriptions {
		err := s.o.Subscriptions.InterveneHub(c.ctx(), d.Subscription.ID, thoonk.HubRedeliver, thoonk.Revision{})
		if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
			return err
		}
		answer.Redelivered++
	}
	return c.send(http.StatusOK, marshal(answer))
}

// parseRedeliver reads {"topic", "callback", "state"}; an empty body asks for those that are stalled.
func parseRedeliver(data []byte) (url.Values, error) {
	wanted := url.Values{}
	if len(data) == 0 {
		data = []byte("{}")
	}
	err := eachMember(data, func(m member) error {
		switch m.name {
		case "topic", "callback", "state":
		default:
			return unknownMember(m.name, "topic", "callback", "state")
		}
		text, err := asString(m.value)
		wanted.Set(m.name, text)
		return err
	})
	if len(wanted) == 0 {
		wanted.Set("state", subscriptionStalled)
	}
	return wanted, err
}
