package api

import (
	"net/http"
	"strings"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// authenticate tells who sends the request: the bearer of a token (RFC 6750 section 2.1), or nobody in particular.
func (s *Server) authenticate(r *http.Request) (auth.Principal, error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return s.o.Auth.Anonymous(), nil
	case 1:
	default:
		return auth.Principal{}, inHeader(thoonk.E(thoonk.Invalid, "Authorization is given more than once"), "Authorization")
	}
	token, ok := bearer(values[0])
	if !ok {
		return auth.Principal{}, thoonk.E(thoonk.Unauthenticated, "Authorization has to be: Bearer, a space, a token")
	}
	return s.o.Auth.Verify(token)
}

// bearer returns the token of a credential of the Bearer scheme, whose name has no case (RFC 9110 section 11.1).
func bearer(credential string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(credential, " ")
	token = strings.Trim(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// challenge is the WWW-Authenticate of a 401 or 403 (RFC 6750 section 3): a request without a token learns of no
// error, only how to authenticate.
func challenge(r *http.Request, kind thoonk.Kind) string {
	const realm = `Bearer realm="thoonkd"`
	if _, sent := bearer(r.Header.Get("Authorization")); !sent {
		return realm
	}
	if kind == thoonk.Forbidden {
		return realm + `, error="insufficient_scope"`
	}
	return realm + `, error="invalid_token"`
}
