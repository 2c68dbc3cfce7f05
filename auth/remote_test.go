package auth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Two keys as an issuer has them, before and after a rotation, with tokens.
func oldKey(t testing.TB) (jwk, token string) {
	return namedKey(t, "old", "ES256")
}

func newKey(t testing.TB) (jwk, token string) {
	return namedKey(t, "new", "RS256")
}

func namedKey(t testing.TB, kid, alg string) (jwk, token string) {
	t.Helper()
	k := privateFor(alg)
	return jwkOf(t, publicOf(k), map[string]any{"kid": kid}), tokenBy(t, alg, k, map[string]any{"kid": kid})
}

func accepts(t *testing.T, v *auth.Verifier, token string) {
	t.Helper()
	if _, err := v.Verify(token); err != nil {
		t.Error(err)
	}
}

func refuses(t *testing.T, v *auth.Verifier, token, why string) {
	t.Helper()
	if _, err := v.Verify(token); thoonk.KindOf(err) != thoonk.Unauthenticated || !strings.Contains(err.Error(), why) {
		t.Errorf("%v, want %q", err, why)
	}
}

const unknown = "not signed by a key that this server knows"

func (is *issuer) fetched(t *testing.T, want int64) {
	t.Helper()
	synctest.Wait()
	if got := is.fetches.Load(); got != want {
		t.Errorf("fetched %d times, want %d", got, want)
	}
}

// An unknown kid has the keys fetched again, and the token that named it waits for them.
func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		oldJWK, oldToken := oldKey(t)
		newJWK, newToken := newKey(t)
		is.serve(oldJWK)
		v := is.verifier(t)
		accepts(t, v, oldToken)
		is.serve(oldJWK, newJWK)
		time.Sleep(59 * time.Second)
		refuses(t, v, newToken, unknown)
		is.fetched(t, 1)
		time.Sleep(time.Second)
		accepts(t, v, newToken)
		accepts(t, v, oldToken)
		is.fetched(t, 2)

		is.serve(newJWK)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		refuses(t, v, oldToken, unknown)
		accepts(t, v, newToken)
		is.fetched(t, 3)
	})
}

// Strangers that name keys that there are none of cost one fetch a minute, and nobody else's time.
func TestFloodOfUnknownKids(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		jwk, token := oldKey(t)
		is.serve(jwk)
		v := is.verifier(t)
		time.Sleep(2 * time.Minute)
		is.answer(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = w.Write([]byte(jwkSet(jwk)))
		})
		start := time.Now()
		flood := func() {
			var strangers sync.WaitGroup
			for i := range 1000 {
				strangers.Go(func() {
					bad := tokenBy(t, "EdDSA", edKey(), map[string]any{"kid": fmt.Sprint(i)})
					refuses(t, v, bad, unknown)
				})
			}
			accepts(t, v, token)
			if time.Since(start) > time.Second {
				t.Error("a good token waited")
			}
			strangers.Wait()
		}
		flood()
		is.fetched(t, 2)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the first flood took %v: they waited for the one fetch", took)
		}
		flood()
		if took := time.Since(start); took != time.Second {
			t.Errorf("the second flood waited: %v", took)
		}
		is.fetched(t, 2)
	})
}

// What no newer key could mend has nothing fetched.
func TestOtherBadTokensFetchNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		jwk, good := oldKey(t)
		is.serve(jwk)
		v := is.verifier(t)
		time.Sleep(2 * time.Minute)
		for name, token := range map[string]string{
			"known kid, other key": tokenBy(t, "ES256", makeEC(ecKeys()["ES256"].Curve), map[string]any{"kid": "old"}),
			"no kid":               tokenBy(t, "EdDSA", edKey(), nil),
			"a secret":             tokenBy(t, "HS256", []byte(secret), map[string]any{"kid": "x"}),
			"crit":                 tokenBy(t, "EdDSA", edKey(), map[string]any{"kid": "x", "crit": []string{"y"}}),
			"alg none":             encode(`{"alg":"none","kid":"x"}`) + "." + encode(`{"sub":"s","exp":99999999999}`) + ".",
			"malformed":            encode(`{"alg":"ES256","kid":"x"}`) + ".x.y",
			"malformed claims":     encode(`{"alg":"ES256","kid":"x"}`) + "." + encode(`{"sub":5}`) + ".AA",
			"expired":              claimsBy(t, "ES256", privateFor("ES256"), map[string]any{"kid": "old"}, with(map[string]any{"exp": 5})),
		} {
			if _, err := v.Verify(token); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
		accepts(t, v, good)
		is.fetched(t, 1)
	})
}

// How often the keys are fetched without any token.
func TestAges(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                                  15 * time.Minute,
		"no-cache":                          15 * time.Minute,
		"max-age=x":                         15 * time.Minute,
		"max-age=-1":                        15 * time.Minute,
		"max-age":                           15 * time.Minute,
		"s-maxage=7200":                     15 * time.Minute,
		"max-age=0":                         time.Minute,
		"max-age=59":                        time.Minute,
		"public, MAX-AGE=3600, immutable":   time.Hour,
		`max-age="7200"`:                    2 * time.Hour,
		"max-age=86401":                     24 * time.Hour,
		"max-age=99999999999999999999999":   24 * time.Hour,
		"max-age=x, max-age=120":            2 * time.Minute,
		"must-revalidate,max-age=600,foo=1": 10 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			is := newIssuer(t)
			jwk, _ := oldKey(t)
			is.answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", header)
				_, _ = w.Write([]byte(jwkSet(jwk)))
			})
			is.verifier(t)
			time.Sleep(want - time.Millisecond)
			is.fetched(t, 1)
			time.Sleep(time.Millisecond)
			is.fetched(t, 2)
		})
	}
}

// Whatever the server does, the keys that were fetched before stay, until it is well again.
func TestBadAnswersChangeNothing(t *testing.T) {
	t.Parallel()
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
	}
	to := func(target string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			jwk, _ := newKey(t)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(jwkSet(jwk)))
		}
	}
	var sent atomic.Int64
	for name, answer := range map[string]http.HandlerFunc{
		"never": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"stops in the middle": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"a byte a second": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		},
		"1 GB": func(w http.ResponseWriter, _ *http.Request) {
			for chunk := bytes.Repeat([]byte(" "), 1<<16); sent.Load() < 1<<30; {
				n, err := w.Write(chunk)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(jwkSet()))
		},
		"not HTTP": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = c.Write([]byte("SSH-2.0-x\r\n"))
				_ = c.Close()
			}
		},
		"HTML":                  text("<!DOCTYPE html><title>Sign in</title>"),
		"half":                  text(jwkSet(rfcRSA)[:40]),
		"nothing":               text(""),
		"null":                  text("null"),
		"list":                  text("[]"),
		"deep":                  text(strings.Repeat("[", 1<<19)),
		"empty set":             text(jwkSet()),
		"for encryption":        text(jwkSet(strings.Replace(rfcRSA, `"alg":"RS256"`, `"use":"enc"`, 1))),
		"a secret":              text(jwkSet(jwkOf(t, []byte(secret), map[string]any{"kid": "new"}))),
		"all faulty":            text(jwkSet(`{"kty":"RSA","n":"AA","e":"AQAB","kid":"new"}`)),
		"404":                   status(404),
		"500":                   status(500),
		"201":                   status(201),
		"redirect to http":      to("http://id.test/keys"),
		"redirect to loopback":  to("http://127.0.0.1/keys"),
		"redirect to a file":    to("file:///etc/passwd"),
		"redirect to nothing":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) },
		"redirects without end": to("https://id.test/keys"),
	} {
		synctest.Test(t, func(t *testing.T) {
			is := newIssuer(t)
			jwk, token := oldKey(t)
			newJWK, newToken := newKey(t)
			is.serve(jwk)
			v := is.verifier(t)
			is.answer(answer)
			time.Sleep(15*time.Minute + 11*time.Second) // the fetch is over, in whatever way
			synctest.Wait()
			if is.fetches.Load() < 2 {
				t.Fatalf("%s: not fetched again", name)
			}
			accepts(t, v, token)
			refuses(t, v, newToken, unknown)

			is.serve(newJWK)
			time.Sleep(time.Minute)
			synctest.Wait()
			accepts(t, v, newToken)
			refuses(t, v, token, unknown)
		})
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if sent.Load() > 4<<20 {
		t.Errorf("%d bytes of the endless answer were taken", sent.Load())
	}
}

func TestThreeRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	for hops, ok := range map[int]bool{3: true, 4: false} {
		synctest.Test(t, func(t *testing.T) {
			is := newIssuer(t)
			jwk, token := oldKey(t)
			is.answer(func(w http.ResponseWriter, r *http.Request) {
				if n := len(r.URL.Path) - len("/keys"); n < hops {
					http.Redirect(w, r, "https://other.test"+r.URL.Path+"x", http.StatusTemporaryRedirect)
					return
				}
				_, _ = w.Write([]byte(jwkSet(jwk)))
			})
			if _, err := is.verifier(t).Verify(token); (err == nil) != ok {
				t.Errorf("%d redirects: %v", hops, err)
			}
		})
	}
}

// Before the first fetch has ended tokens wait for it, a little; a token of the file's keys does not.
func TestFirstFetch(t *testing.T) {
	t.Parallel()
	for delay, ok := range map[time.Duration]bool{2 * time.Second: true, 4 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			is := newIssuer(t)
			jwk, token := oldKey(t)
			is.answer(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(delay)
				_, _ = w.Write([]byte(jwkSet(jwk)))
			})
			start := time.Now()
			v := newVerifier(loadKey(t, secret), auth.Options{Remote: is.start(t, slog.New(slog.DiscardHandler))})
			accepts(t, v, signed(t, with(nil), map[string]any{"kid": "x"}))
			if time.Since(start) != 0 {
				t.Error("the file's key waited for the others")
			}
			if ok {
				accepts(t, v, token)
			} else {
				refuses(t, v, token, "could not be fetched yet")
			}
			if took := time.Since(start); took != min(delay, 3*time.Second) {
				t.Errorf("waited %v", took)
			}
			time.Sleep(2 * time.Second)
			accepts(t, v, token)
			is.fetched(t, 1)
		})
	}
}

// A server that is away at the start is asked every minute, and tokens are told what is the matter.
func TestIssuerIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		var log bytes.Buffer
		is.answer(http.NotFound)
		v := newVerifier(nil, auth.Options{Remote: is.start(t, slog.New(slog.NewTextHandler(&log, nil)))})
		synctest.Wait()
		jwk, token := oldKey(t)
		refuses(t, v, token, "could not be fetched yet")
		refuses(t, v, tokenBy(t, "ES256", privateFor("ES256"), nil), "could not be fetched yet")
		refuses(t, v, tokenBy(t, "HS256", []byte(secret), nil), unknown)
		refuses(t, v, tokenBy(t, "EdDSA", edKey(), map[string]any{"crit": 1}), "crit")
		is.fetched(t, 1)
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "404") ||
			!strings.Contains(log.String(), "host=id.test") || strings.Contains(log.String(), "hunter2") {
			t.Error(log.String())
		}
		is.serve(jwk)
		time.Sleep(time.Minute)
		synctest.Wait()
		accepts(t, v, token)
	})
}

// Of a set that everybody can read only the public keys count.
func TestRemoteSecretsAreNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		var log bytes.Buffer
		is.serve(
			jwkOf(t, []byte(secret), nil),
			jwkOf(t, edKey(), nil), // private
			jwkOf(t, privateFor("ES384"), map[string]any{"d": "not even base64url"}),     // its public half is good
			jwkOf(t, makeRSA(1024).Public(), nil), `{"kty":"EC","crv":"P-256","x":"AA"}`, // faulty
		)
		v := newVerifier(nil, auth.Options{Remote: is.start(t, slog.New(slog.NewTextHandler(&log, nil)))})
		synctest.Wait()
		refuses(t, v, tokenBy(t, "HS256", []byte(secret), nil), unknown)
		accepts(t, v, tokenBy(t, "EdDSA", edKey(), nil))
		accepts(t, v, tokenBy(t, "ES384", privateFor("ES384"), nil))
		for _, want := range []string{"JWK 1: a secret that others can read", "JWK 4: the RSA key has 1024 bits", "JWK 5: y is missing", "keys=2"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in %s", want, log.String())
			}
		}
	})
}

// Keys of a file and of a URL hold side by side, and 16 are tried in all.
func TestFileAndRemoteKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer(t)
		jwk, token := oldKey(t)
		is.serve(jwk)
		remote := is.start(t, slog.New(slog.DiscardHandler))
		synctest.Wait()
		both := newVerifier(loadKey(t, fileOf(t, edKey().Public())), auth.Options{Remote: remote})
		accepts(t, both, token)
		accepts(t, both, tokenBy(t, "EdDSA", edKey(), nil))
		accepts(t, both, tokenBy(t, "ES256", privateFor("ES256"), nil))

		var crowd strings.Builder
		for range 16 {
			crowd.WriteString(fileOf(t, makeEC(ecKeys()["ES256"].Curve).Public()))
		}
		crowded := newVerifier(loadKey(t, crowd.String()), auth.Options{Remote: remote})
		refuses(t, crowded, tokenBy(t, "ES256", privateFor("ES256"), nil), unknown)
		accepts(t, crowded, token) // by its kid
	})
}

// The same over a real network and TLS, with the proxy settings and bounds of the default transport.
func TestRealServer(t *testing.T) {
	t.Parallel()
	jwk, token := oldKey(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); !strings.Contains(accept, "application/jwk-set+json") {
			t.Errorf("Accept: %q", accept)
		}
		_, _ = w.Write([]byte(jwkSet(jwk)))
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	fetched := func(url string, transport http.RoundTripper) *auth.Verifier {
		keys := auth.NewRemoteKeys(auth.RemoteOptions{URL: url, Transport: transport, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { keys.Run(ctx) })
		t.Cleanup(running.Wait)
		t.Cleanup(cancel)
		return newVerifier(nil, auth.Options{Remote: keys})
	}
	accepts(t, fetched(plain.URL, nil), token)
	accepts(t, fetched(secure.URL, secure.Client().Transport), token)
	refuses(t, fetched(secure.URL, nil), token, "could not be fetched yet") // nobody vouches for its certificate
}
