package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Every change of the feed "news" is printed, over restarts of the server too.
func ExampleClient_Follow() {
	c, err := client.New(client.Options{
		Server: "https://feeds.example.org",
		Token:  func() (string, error) { return "eyJ…", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Follow(context.Background(), client.Following{Feeds: []thoonk.Pattern{"news"}, Snapshot: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Name, e.ItemID, string(e.Body.Data))
	}
}
