package outbound_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// The library of those who wrote the specification verifies what we sign.
func TestSignaturesVerify(t *testing.T) {
	t.Parallel()
	one, two := outbound.NewSecret(), outbound.NewSecret()
	body := []byte(`{"a": "ü"}`)
	h := http.Header{}
	outbound.Sign(h, "msg_1", time.Now(), body, one, two)
	for _, secret := range []outbound.Secret{one, two} {
		receiver, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := receiver.Verify(body, h); err != nil {
			t.Error(err)
		}
		if receiver.Verify([]byte("other"), h) == nil {
			t.Error("another body verifies")
		}
	}
	receiver, err := standardwebhooks.NewWebhook(outbound.NewSecret().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if receiver.Verify(body, h) == nil {
		t.Error("another secret verifies")
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	made := outbound.NewSecret()
	read, err := outbound.ParseSecret(made.Reveal())
	if err != nil || read.Reveal() != made.Reveal() {
		t.Errorf("read %v, %v", read.Reveal(), err)
	}
	if shown := fmt.Sprintf("%v %s %+v", made, made, made.LogValue()); strings.Contains(shown, made.Reveal()) || !strings.Contains(shown, "whsec_…") {
		t.Errorf("it shows as %s", shown)
	}
	for _, s := range []string{"", "whsec_", "whsec_c2hvcnQ=", "whsec_!", strings.TrimPrefix(made.Reveal(), "whsec_"), made.Reveal() + strings.Repeat("A", 64)} {
		if _, err := outbound.ParseSecret(s); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%q gave %v", s, err)
		}
	}
}

func ExampleSign() {
	secret, err := outbound.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.Header{}
	outbound.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	fmt.Println(h.Get("webhook-signature"))
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
}
