package hub

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds of a request.
const (
	maxForm        = 64 << 10
	maxSecret      = 199 // bytes: "less than 200 bytes in length" (WebSub section 5.1)
	maxURL         = 2048
	maxVerifyToken = 1024
	maxPublish     = 100 // addresses in one request
)

// subscribeRequest is what a subscriber asks for (WebSub section 5.1, PubSubHubbub 0.3 section 6.1).
type subscribeRequest struct {
	mode      thoonk.HubMode
	callback  string
	topic     string
	secret    string
	algorithm string
	lease     time.Duration // 0: none was asked for
	token     string        // hub.verify_token
	verify    []string      // hub.verify: sync and async in the order of preference; empty: a subscriber of today
}

// parseSubscribe reads the form. What it does not know it ignores. Errors: Invalid, which name the parameter.
func parseSubscribe(form url.Values) (subscribeRequest, error) {
	r := subscribeRequest{mode: thoonk.HubMode(form.Get("hub.mode"))}
	var err error
	for _, p := range []struct {
		name   string
		needed bool
		most   int
		into   *string
	}{
		{"hub.callback", true, maxURL, &r.callback},
		{"hub.topic", true, maxURL, &r.topic},
		{"hub.secret", false, maxSecret, &r.secret},
		{"hub.verify_token", false, maxVerifyToken, &r.token},
		{"hub.algorithm", false, 16, &r.algorithm},
	} {
		if *p.into, err = one(form, p.name, p.needed, p.most); err != nil {
			return r, err
		}
	}
	if err := checkCallback(r.callback); err != nil {
		return r, err
	}
	if err := checkAbsolute(r.topic, "hub.topic"); err != nil {
		return r, err
	}
	if r.mode == thoonk.HubSubscribe { // of an unsubscription it is ignored
		if r.lease, err = parseLease(form); err != nil {
			return r, err
		}
	}
	if r.verify, err = parseVerify(form["hub.verify"]); err != nil {
		return r, err
	}
	return r, r.chooseAlgorithm()
}

// one returns the value of a parameter that comes at most once.
func one(form url.Values, name string, needed bool, most int) (string, error) {
	values := form[name]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		if needed {
			return "", thoonk.E(thoonk.Invalid, "%s is missing", name).In(name)
		}
		return "", nil
	}
	switch {
	case len(values) > 1:
		return "", thoonk.E(thoonk.Invalid, "%s is given more than once", name).In(name)
	case len(values[0]) > most:
		return "", thoonk.E(thoonk.Invalid, "%s is longer than %d bytes", name, most).In(name)
	}
	return values[0], nil
}

func checkCallback(callback string) error {
	if err := checkAbsolute(callback, "hub.callback"); err != nil {
		return err
	}
	if strings.Contains(callback, "#") {
		return thoonk.E(thoonk.Invalid, "hub.callback has a fragment, which no request carries").In("hub.callback")
	}
	return nil
}

func checkAbsolute(address, name string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return thoonk.E(thoonk.Invalid, "%s is not an absolute http or https URL", name).In(name)
	}
	return nil
}

// parseLease reads hub.lease_seconds; old clients send it empty.
func parseLease(form url.Values) (time.Duration, error) {
	text, err := one(form, "hub.lease_seconds", false, 32)
	if err != nil || text == "" {
		return 0, err
	}
	if strings.Trim(text, "0123456789") != "" || strings.Trim(text, "0") == "" {
		return 0, thoonk.E(thoonk.Invalid, "hub.lease_seconds is not a positive whole number").In("hub.lease_seconds")
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64, nil // the hub has a bound of its own
	}
	return time.Duration(seconds) * time.Second, nil
}

// parseVerify reads hub.verify, which may come more than once. Words that are not known are for other hubs.
func parseVerify(values []string) ([]string, error) {
	var known []string
	for _, v := range values {
		if (v == "sync" || v == "async") && !slices.Contains(known, v) {
			known = append(known, v)
		}
	}
	if len(values) > 0 && len(known) == 0 {
		return nil, thoonk.E(thoonk.Invalid, `hub.verify is neither "sync" nor "async"`).In("hub.verify")
	}
	return known, nil
}

// chooseAlgorithm takes what was asked for. Who speaks PubSubHubbub 0.3 knows SHA-1 only.
func (r *subscribeRequest) chooseAlgorithm() error {
	switch {
	case r.algorithm != "":
		if algorithms[r.algorithm] == nil {
			return thoonk.E(thoonk.Invalid, "hub.algorithm is none of sha1, sha256, sha384 and sha512").In("hub.algorithm")
		}
	case len(r.verify) > 0:
		r.algorithm = "sha1"
	default:
		r.algorithm = defaultAlgorithm
	}
	return nil
}

// wantsSync reports whether the subscriber would rather wait for the answer.
func (r subscribeRequest) wantsSync() bool { return len(r.verify) > 0 && r.verify[0] == "sync" }

// parsePublish returns the addresses that were published to (PubSubHubbub 0.3 section 7.1; hub.topic is what some
// publishers send). Errors: Invalid.
func parsePublish(form url.Values) ([]string, error) {
	urls := slices.Concat(form["hub.url"], form["hub.topic"])
	urls = slices.DeleteFunc(urls, func(u string) bool { return u == "" })
	switch {
	case len(urls) == 0:
		return nil, thoonk.E(thoonk.Invalid, "hub.url is missing").In("hub.url")
	case len(urls) > maxPublish:
		return nil, thoonk.E(thoonk.Invalid, "hub.url is given more than %d times", maxPublish).In("hub.url")
	}
	for _, u := range urls {
		if len(u) > maxURL {
			return nil, thoonk.E(thoonk.Invalid, "hub.url is longer than %d bytes", maxURL).In("hub.url")
		}
		if err := checkAbsolute(u, "hub.url"); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
	}
	return urls, nil
}
