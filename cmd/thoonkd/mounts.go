package main

import (
	"net/http"

	"github.com/thoonkd/thoonkd/api"
	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/store"
)

// newMounts returns what the server answers outside of the REST API: the documents of feeds, the hub,
// and where the hubs of sources deliver.
func newMounts(cfg config.Config, st *store.Store, deliveries *hub.Hub, ingest *hub.Ingest) ([]api.Mount, error) {
	addresses, err := hub.NewAddresses(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	documents := &hub.Renderer{Store: st, Addresses: addresses}
	reading := []string{http.MethodGet, http.MethodHead}
	mounts := []api.Mount{{Methods: reading, Path: "/feeds/*", Serve: documents.ServeDocument}}
	for _, format := range []hub.Format{hub.Atom, hub.RSS, hub.JSON, hub.HTML} { // of several feeds
		mounts = append(mounts, api.Mount{Methods: reading, Path: "/feeds." + string(format), Serve: documents.ServeDocument})
	}
	return append(mounts,
		api.Mount{Methods: []string{http.MethodPost}, Path: "/hub", Serve: deliveries.Serve},
		api.Mount{Methods: []string{http.MethodGet, http.MethodPost}, Path: "/callback/*", Serve: ingest.ServeCallback}, // of the hubs of sources
	), nil
}
