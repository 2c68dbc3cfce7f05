package main

import (
	"log/slog"
	"net/url"

	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/xmpp"
)

// newComponents returns the components of XMPP servers, to be run.
func newComponents(cfg config.Config, st *store.Store, log *slog.Logger) ([]*xmpp.Component, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	var components []*xmpp.Component
	for _, x := range cfg.XMPP {
		c, err := xmpp.New(xmpp.Options{
			Addr: x.Addr, Domain: x.Domain, Secret: x.Secret, JIDs: x.JIDs, Store: st, Version: version, Host: u.Hostname(), Log: log,
		})
		if err != nil {
			return nil, err
		}
		components = append(components, c)
	}
	return components, nil
}
