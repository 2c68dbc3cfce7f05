package api

import (
	"errors"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// patchTries bounds how often a patch is applied anew because what it was applied to has changed meanwhile.
const patchTries = 5

var errPatching = thoonk.E(thoonk.Conflict, "it changes too fast to be patched: try again")

// patch lets read prepare what is to be written, and write write it on condition that what was read has not changed.
func patch(w writing, read func() (thoonk.Revision, error), write func(unchanged thoonk.Condition) error) error {
	for range patchTries {
		present, err := read()
		if err == nil {
			err = checkCondition(w.cond, present)
		}
		if err != nil {
			return patchedBefore(w, err, write)
		}
		err = write(thoonk.Condition{Match: []thoonk.Revision{present}})
		if kindOf(err) != thoonk.Stale {
			return err
		}
	}
	return errPatching
}

// patchedBefore returns why a patch cannot be applied, unless the same request was done before: then its answer is the
// one of then. To learn that, it is tried to write on a condition that never holds.
func patchedBefore(w writing, why error, write func(thoonk.Condition) error) error {
	if w.key == "" {
		return why
	}
	err := write(thoonk.Condition{Match: []thoonk.Revision{impossible}})
	if e, ok := errors.AsType[*thoonk.Error](err); err == nil || ok && e.Field == idempotencyKey {
		return err
	}
	return why
}

// parseItemPatch reads a merge patch of what a publisher writes of an item: {"body": {…}}, or "text" and so on.
func parseItemPatch(data []byte) (mergePatch, error) {
	p, err := parseMergePatch(data)
	if err != nil {
		return p, err
	}
	if !p.object {
		return p, thoonk.E(thoonk.Invalid, "not a JSON object")
	}
	for _, m := range p.members {
		if !isForm(m.name) {
			return p, inBody(unknownMember(m.name, "body", "text", "xml", "base64"), m.name)
		}
	}
	return p, nil
}

// patchItemBody returns the body that a patch makes of an item's, and its form. A patch may change the form, as
// {"text": null, "body": {}} does.
func patchItemBody(p mergePatch, content thoonk.Content, body []byte) (thoonk.Form, []byte, error) {
	doc := p.apply(append(appendContent([]byte{'{'}, content, body), '}'))
	if len(doc) > maxBody {
		return "", nil, thoonk.E(thoonk.TooLarge, "with the patch, the item would be longer than %d bytes", maxBody)
	}
	patched, err := parsePublication(doc)
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return "", nil, thoonk.E(thoonk.Unprocessable, "with the patch applied: %s", e.Public).In(e.Field) // RFC 5789 section 2.2
	}
	return patched.form, patched.body, err
}
