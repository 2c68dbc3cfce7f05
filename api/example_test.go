package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/thoonkd/thoonkd/api"
	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// oneFeed is as much of a store as the example needs.
type oneFeed struct{ api.Store }

func (oneFeed) Item(context.Context, thoonk.FeedName, thoonk.ItemID) (thoonk.Item, thoonk.Content, error) {
	r := thoonk.Revision{Number: 12, Stamp: 1763874399123456}
	return thoonk.Item{ID: "hello", Revision: r, Updated: r.Time(), Body: []byte(`{"n": 1.0}`)}, thoonk.JSON, nil
}

// everybody may read.
type everybody struct{}

func (everybody) Verify(string) (auth.Principal, error) {
	return auth.Principal{}, thoonk.E(thoonk.Unauthenticated, "there are no tokens here")
}

func (everybody) Anonymous() auth.Principal {
	return auth.Principal{Name: "anonymous", Grants: []auth.Grant{{Match: "*", Can: []auth.Verb{auth.Read}}}}
}

func ExampleServer() {
	server := api.New(api.Options{Store: oneFeed{}, Auth: everybody{}})
	defer server.EndStreams()

	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, httptest.NewRequest("GET", "/v1/feeds/team%2Fblog/items/hello", nil))
	fmt.Println(answer.Code, answer.Header().Get("ETag"))
	fmt.Println(answer.Body)
	// Output:
	// 200 "12-1763874399123456"
	// {"id":"hello","revision":"12-1763874399123456","updated":"2025-11-23T05:06:39.123456Z","body":{"n": 1.0}}
}
