package telemetry_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/thoonkd/thoonkd/internal/telemetry"
)

func Example() {
	m := telemetry.New(telemetry.Options{Streams: func() int64 { return 2 }})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "thoonkd_event_streams") {
			fmt.Println(lines.Text())
		}
	}
	// Output: thoonkd_event_streams 2
}
