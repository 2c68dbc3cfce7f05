package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faults are what was planted in the code, one at a time and taken out again, and seen to fail the test of its point.
var faults = map[int]string{
	1:  "parseForm takes any Content-Type",
	2:  "a secret may have 200 bytes",
	3:  "an unknown parameter is refused",
	4:  "a lease of 0 is taken",
	5:  "the lease is read of an unsubscription too",
	6:  "the id is of the callback alone",
	7:  "it is applied before the callback is asked",
	8:  "it is applied whatever the callback answers",
	9:  "a renewal keeps the old record",
	10: "escapes are compared as they stand",
	11: "the query of the callback is dropped",
	12: "accepted is 200",
	13: "the reason is not said",
	14: "it is answered when the callback has answered",
	15: "the hub redirects",
	16: "callbacks are not checked",
	17: "rights are not looked at again",
	18: "unsubscriptions are validated",
	19: "the lease is not told",
	20: "the challenge of a subscription is always the same",
	21: "a body that has the challenge in it confirms",
	22: "the lease counts from the answer",
	23: "leases are not ended",
	24: "the query is not posted to",
	25: "one Content-Type for all",
	26: "one change a delivery",
	27: "rel=self is the canonical topic",
	28: "the HMAC is of SHA-256 whatever is asked for",
	29: "a redirect is success",
	30: "410 is a failure like others",
	31: "retries never end",
	32: "what is stalled is not tried again",
	33: "hub.topic is not taken",
	34: "a ping is answered 202",
	35: "it is fetched unconditionally",
	36: "an entry with a known id is not new, whatever it says",
	37: "ids are compared without case and space",
	38: "sync is async",
	39: "the token is not echoed",
	40: "a callback is asked once, and old subscribers are not refreshed", // one after the other
	41: "without a lease it lasts as long as any may",
	42: "who stands for many counts as one",
	43: "old clients get sha256",
	44: "publish is not known at the hub's address",
}

// beyond are the tests of the points that are no specification's.
var beyond = map[int]map[string][]string{
	45: {"../cmd/thoonkd": {"TestStressHubKilled"}, ".": {"TestPoint31RetriesEndAndTheSubscriptionDoesNot"}},
	46: {
		".":                    {"TestCallbacksAreCheckedWhenTheyAreDialled", "TestRebindingCallbacksAreNotConnectedTo", "TestRebindingCallbacksWouldBeReached"},
		"../internal/outbound": {"TestForbiddenURLs", "TestURLsThatMayBeDialled", "TestForbiddenAddressesAreNotDialled", "TestRebinding", "TestRedirects"},
	},
	47: {".": {"TestSilentCallbacksDelayNobody", "TestBadAnswersAreBounded", "TestRetryAfterIsHonoured", "TestPoint32AFailingSubscriberStays"}},
	48: {".": {"TestRetrySchedule", "TestReplayAndRedeliver"}, "../api": {"TestInterventions", "TestSubscriptionIsShown"}, "../cmd/thoonkd": {"TestHubFromTheCommandLine"}},
	49: {".": {"TestWhatWasMissed"}},
	50: {"../api": {"TestSubscriptionsAreListedInPages", "TestSubscriptionIsShown", "TestSubscriptionsAreSeenByWhoMay"}},
	51: {".": {"TestTopicOfSeveralFeeds", "TestPrivateTopics", "TestStandardWebhooks"}},
	52: {
		".":              {"TestDiscovery", "TestSourceWithHub", "TestRenewal", "TestSourceIsFollowed", "TestEntriesComeOnce", "TestSourceOfJobs", "TestContendedEntriesAreNotLost"},
		"../cmd/thoonkd": {"TestOneServerFollowsAnother", "TestSourcesSurviveCrashes", "TestDeliveriesToSourcesSurviveCrashes"},
	},
}

func TestPointsBeyondTheSpecificationsHaveTests(t *testing.T) {
	t.Parallel()
	for point := 45; point <= 52; point++ {
		if len(beyond[point]) == 0 {
			t.Errorf("point %d has no test", point)
		}
		for dir, tests := range beyond[point] {
			source := testsIn(t, dir)
			for _, name := range tests {
				if !strings.Contains(source, "\nfunc "+name+"(") {
					t.Errorf("point %d: there is no %s in %s", point, name, dir)
				}
			}
		}
	}
}

// testsIn is the source of the tests of a package.
func testsIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, files, err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	return source.String()
}

// Each point from 1 to 44 has a test of its own, which was seen to fail by a fault.
func TestEachPointHasATest(t *testing.T) {
	t.Parallel()
	source := testsIn(t, ".")
	for point := 1; point <= 44; point++ {
		if n := strings.Count(source, fmt.Sprintf("\nfunc TestPoint%02d", point)); n != 1 {
			t.Errorf("point %d has %d tests", point, n)
		}
		if faults[point] == "" {
			t.Errorf("point %d was not seen to fail", point)
		}
	}
	if len(faults) != 44 {
		t.Errorf("there are %d faults, for 44 points", len(faults))
	}
}
