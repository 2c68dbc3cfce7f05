package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxBatchBody is longer than the bodies in it may be together, since JSON needs room around them.
const maxBatchBody = thoonk.MaxBatchBytes + 2<<20

// postBatch does many writes on one feed, all or none.
//
// @Summary     Do many writes, all or none
// @Description At most 1,000 operations, whose bodies have at most 4 MiB together. If one is refused nothing is written, and the problem names its index.
// @ID          batch
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "All was written."
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/batch [post]
func (s *Server) postBatch(c *call) error {
	feed, err := pathParam(c, "feed", thoonk.ParseFeedName)
	if err != nil {
		return err
	}
	if !c.who.Can(auth.Retract, feed) {
		if err := c.who.Require(auth.Publish, feed); err != nil {
			return err
		}
	}
	w, err := c.batchOptions()
	if err != nil {
		return err
	}
	data, lines, err := c.batchBody()
	if err != nil {
		return err
	}
	operations, err := parseOperations(data, lines)
	if err != nil {
		return err
	}
	for i, op := range operations {
		verb := auth.Publish
		if op.Kind == thoonk.Retract {
			verb = auth.Retract
		}
		if err := c.who.Require(verb, feed); err != nil {
			return under(err, i)
		}
	}
	done, err := s.o.Store.Batch(c.ctx(), thoonk.Batch{
		Feed: feed, Operations: operations, Once: c.once(w, data), Actor: c.who.Name,
	})
	if err != nil {
		return inMember(err, string(thoonk.FormBody))
	}
	return c.send(http.StatusOK, batchDoc(feed, done))
}

// batchOptions is writeOptions for a batch, whose preconditions are its operations' own.
func (c *call) batchOptions() (writing, error) {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if len(c.Request().Header.Values(name)) > 0 {
			return writing{}, inHeader(thoonk.E(thoonk.Invalid, `a batch has no revision: give each operation its "if_match" or "if_none_match"`), name)
		}
	}
	return c.writeOptions()
}

// batchDoc is the answer to a batch: what became of each operation.
func batchDoc(feed thoonk.FeedName, done []thoonk.Published) []byte {
	dst := appendMember([]byte{'{'}, "feed", string(feed))
	dst = appendList(dst, "results", done, func(dst []byte, p thoonk.Published) []byte {
		dst = appendMember(append(dst, '{'), "id", string(p.Item.ID))
		dst = appendRevision(dst, p.Item.Revision)
		if p.Created {
			dst = appendTrue(dst, "created")
		}
		return append(dst, '}')
	})
	return append(dst, '}')
}
