package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// PutTicket keeps a short-lived document under an id, for all processes. Errors: Unavailable.
func (s *Store) PutTicket(ctx context.Context, id string, doc []byte, ttl time.Duration) error {
	if err := s.redis.Set(ctx, keyTicket(id), doc, ttl).Err(); err != nil {
		return failure("put ticket", err)
	}
	return nil
}

// Ticket returns the document under an id. Errors: NotFound, Unavailable.
func (s *Store) Ticket(ctx context.Context, id string) ([]byte, error) {
	doc, err := s.redis.Get(ctx, keyTicket(id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, thoonk.E(thoonk.NotFound, "no such ticket, or it has expired")
	}
	if err != nil {
		return nil, failure("get ticket", err)
	}
	return doc, nil
}
