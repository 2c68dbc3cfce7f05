package api

import (
	"cmp"
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// wireWebhook is where a queue's jobs are pushed to. Its secret is shown to those who may configure the queue.
type wireWebhook struct {
	URL         string   `json:"url"`
	Secret      string   `json:"secret,omitempty"`
	Timeout     duration `json:"timeout" swaggertype:"string"`
	Concurrency int      `json:"concurrency"`
}

func toWireWebhook(w thoonk.Webhook, withSecret bool) *wireWebhook {
	if w.URL == "" {
		return nil
	}
	wire := &wireWebhook{
		URL: w.URL, Timeout: duration(cmp.Or(w.Timeout, thoonk.DefaultPushTimeout)), Concurrency: cmp.Or(w.Running, thoonk.DefaultPushRunning),
	}
	if withSecret {
		wire.Secret = w.Secret
	}
	return wire
}

// parseWebhook reads the member "webhook" of a queue's declaration. Where no secret is given it stays empty.
func parseWebhook(w thoonk.Webhook, m member, patch bool) (thoonk.Webhook, error) {
	if !patch {
		w = thoonk.Webhook{}
	}
	err := parseParts(m, patch, map[string]string{"secret": `""`, "timeout": `"30s"`, "concurrency": "10"}, func(part member) (err error) {
		switch part.name {
		case "url":
			w.URL, err = asString(part.value)
		case "secret":
			if w.Secret, err = asString(part.value); err == nil && w.Secret != "" {
				_, err = outbound.ParseSecret(w.Secret)
			}
		case "timeout":
			if w.Timeout, err = asDuration(part.value, time.Millisecond); err == nil && w.Timeout > thoonk.MaxPushTimeout {
				err = thoonk.E(thoonk.Invalid, "at most %v", thoonk.MaxPushTimeout)
			}
		case "concurrency":
			w.Running, err = asInt(part.value, 1, thoonk.MaxPushRunning)
		default:
			err = unknownMember(part.name, "url", "secret", "timeout", "concurrency")
		}
		return err
	})
	if err == nil && w.URL == "" {
		err = inBody(thoonk.E(thoonk.Invalid, `a webhook needs a "url"`), m.name, "url")
	}
	return w, err
}

// checkWebhook sees to it that a queue's webhook may be dialled, and has a secret: the one that it had, or a new one.
func (s *Server) checkWebhook(ctx context.Context, cfg *thoonk.Config, before thoonk.Webhook) error {
	w := &cfg.Webhook
	if w.URL == "" {
		return nil
	}
	if s.o.Outbound == nil {
		return inBody(thoonk.E(thoonk.Unsupported, "this server pushes nothing"), "webhook")
	}
	if err := s.o.Outbound.CheckURL(ctx, w.URL); err != nil {
		return inBody(err, "webhook", "url")
	}
	if w.Secret == "" {
		w.Secret = before.Secret
	}
	if w.Secret == "" {
		w.Secret = outbound.NewSecret().Reveal()
	}
	return nil
}
