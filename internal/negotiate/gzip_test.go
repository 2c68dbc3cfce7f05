package negotiate

import "testing"

func TestPrefersGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "gzip, deflate, br": true, "br": false, "*": true, "identity": false,
		"gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.1": true, "gzip; Q=0": false, "*;q=0": false, "*, gzip;q=0": false, "br, *;q=0.5": true,
		"identity, gzip;q=0.5": false, "identity;q=0.5, gzip": true, "identity;q=0, gzip;q=0.1": true, "identity;q=0.5, *;q=0.2": false,
		"gzip;q=x": true, "gzip;level=1": true, "gzipped": false,
	} {
		if got := PrefersGzip([]string{header}); got != want {
			t.Errorf("Accept-Encoding: %s is %v", header, got)
		}
	}
	if PrefersGzip(nil) || !PrefersGzip([]string{"br", "gzip"}) {
		t.Error("no line, or two")
	}
}
