package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// hubRecord is a [thoonk.HubSubscription] as Redis has it: with short names, since there are many. Scripts read p.
type hubRecord struct {
	ID        string          `json:"-"`
	Topic     string          `json:"t"`
	Feed      thoonk.FeedName `json:"f,omitempty"`
	Match     thoonk.Pattern  `json:"m,omitempty"`
	Format    string          `json:"o"`
	Callback  string          `json:"c"`
	Secret    string          `json:"s,omitempty"`
	Algorithm string          `json:"a,omitempty"`
	Principal string          `json:"p"`
	Holder    []byte          `json:"h,omitempty"`
	Token     string          `json:"v,omitempty"`
	Legacy    bool            `json:"l,omitempty"`
	Created   time.Time       `json:"b"`
	Expires   time.Time       `json:"e"`
}

func encodeHubSubscription(s thoonk.HubSubscription) string {
	b, err := json.Marshal(hubRecord(s))
	if err != nil {
		panic(err) // its times are within what JSON holds
	}
	return string(b)
}

func decodeHubSubscription(id, text string) (thoonk.HubSubscription, error) {
	var r hubRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return thoonk.HubSubscription{}, fmt.Errorf("the record of subscription %s: %w", id, err)
	}
	r.ID = id
	return thoonk.HubSubscription(r), nil
}

// encodeHubState writes a state as hub_put.lua, hub_finish.lua and hub_intervene.lua know it: ten fields with spaces between, the
// error last.
func encodeHubState(s thoonk.HubState) string {
	flags := ""
	if s.Paused {
		flags += "p"
	}
	if s.Stalled {
		flags += "s"
	}
	if flags == "" {
		flags = "-"
	}
	b := make([]byte, 0, 96+len(s.Error))
	b = strconv.AppendUint(b, s.Generation, 10)
	b = append(b, ' ')
	b = append(b, s.Cursor.String()...)
	b = append(b, ' ')
	b = append(b, flags...)
	for _, n := range []int64{
		int64(s.Failures), int64(s.Audience), int64(s.Delivered), millis(s.Attempted), millis(s.Succeeded), int64(s.Status),
	} {
		b = append(b, ' ')
		b = strconv.AppendInt(b, n, 10)
	}
	b = append(b, ' ')
	return string(append(b, s.Error...))
}

func decodeHubState(text string) thoonk.HubState {
	fields := strings.SplitN(text, " ", 10)
	if len(fields) < 10 {
		return thoonk.HubState{}
	}
	var n [10]int64
	for i, f := range fields[:9] {
		n[i], _ = strconv.ParseInt(f, 10, 64)
	}
	s := thoonk.HubState{
		Generation: uint64(n[0]),
		Paused:     strings.Contains(fields[2], "p"),
		Stalled:    strings.Contains(fields[2], "s"),
		Failures:   int(n[3]), Audience: int(n[4]), Delivered: uint64(n[5]),
		Attempted: fromMillis(n[6]), Succeeded: fromMillis(n[7]),
		Status: int(n[8]), Error: fields[9],
	}
	s.Cursor, _ = thoonk.ParseRevision(fields[1]) // 0-0, before the first change, is the zero revision
	return s
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// hubIntentRecord is a [thoonk.HubIntent] as Redis has it.
type hubIntentRecord struct {
	Mode         thoonk.HubMode `json:"mode"`
	Reason       string         `json:"reason,omitempty"`
	Lease        time.Duration  `json:"lease,omitempty"`
	Tries        int            `json:"tries,omitempty"`
	ID           string         `json:"id"` // of the subscription
	Subscription hubRecord      `json:"sub"`
}

func encodeHubIntent(i thoonk.HubIntent) string {
	b, err := json.Marshal(hubIntentRecord{
		Mode: i.Mode, Reason: i.Reason, Lease: i.Lease, Tries: i.Tries, ID: i.Subscription.ID, Subscription: hubRecord(i.Subscription),
	})
	if err != nil {
		panic(err) // as above
	}
	return string(b)
}

func decodeHubIntent(id, text string) (thoonk.HubIntent, error) {
	nonce, record, _ := strings.Cut(text, " ")
	var r hubIntentRecord
	if err := json.Unmarshal([]byte(record), &r); err != nil {
		return thoonk.HubIntent{}, fmt.Errorf("the record of intent %s: %w", id, err)
	}
	r.Subscription.ID = r.ID
	return thoonk.HubIntent{
		ID: id, Nonce: nonce, Mode: r.Mode, Reason: r.Reason, Lease: r.Lease, Tries: r.Tries, Subscription: thoonk.HubSubscription(r.Subscription),
	}, nil
}
