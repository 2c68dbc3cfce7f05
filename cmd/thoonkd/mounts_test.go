package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/openapi"
)

// What other edges answer is described, but for documents, which name each other, and addresses that only a hub is told.
func TestMountsAreDescribed(t *testing.T) {
	t.Parallel()
	mounts, err := newMounts(config.Config{PublicURL: "http://127.0.0.1:8080"}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(openapi.Document(""), &doc); err != nil {
		t.Fatal(err)
	}
	undescribed := []string{"/feeds/*", "/feeds.atom", "/feeds.rss", "/feeds.json", "/feeds.html", "/callback/*"}
	described := 0
	for _, m := range mounts {
		if slices.Contains(undescribed, m.Path) {
			continue
		}
		for _, method := range m.Methods {
			if doc.Paths[m.Path][strings.ToLower(method)] == nil {
				t.Errorf("%s %s is not described", method, m.Path)
			}
			described++
		}
	}
	if described != 1 {
		t.Errorf("%d mounts are described, and there is the hub", described)
	}
}
