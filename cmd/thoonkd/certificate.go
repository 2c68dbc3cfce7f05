package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/config"
)

// certificateCheck is how often, at most, the files of a certificate are looked at.
const certificateCheck = 10 * time.Second

// certificate is the one of tls-cert and tls-key. It is read again when a file has changed, so that whoever renews it
// need not tell us.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    [2]fileState // what was read last, whether or not it was good
	checked time.Time
}

// fileState tells one content of a file from another; zero: there is none.
type fileState struct{ modified, size int64 }

// loadCertificate returns nil where the configuration has none.
func loadCertificate(cfg config.Config, now func() time.Time, log *slog.Logger) (*certificate, error) {
	if cfg.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{certFile: cfg.TLSCert, keyFile: cfg.TLSKey, now: now, log: log, checked: now()}
	c.seen = c.state() // before it is read: a change meanwhile is seen later
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("tls-cert %s with tls-key %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair = &pair
	return nil
}

func (c *certificate) state() (s [2]fileState) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fileState{info.ModTime().UnixNano(), info.Size()}
		}
	}
	return s
}

// config returns what a server needs to know.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get returns the certificate for a handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= certificateCheck {
		c.checked = now
		c.refresh()
	}
	return c.pair, nil
}

// refresh keeps the old certificate as long as the new files do not go together, as while they are being replaced.
func (c *certificate) refresh() {
	state := c.state()
	if state == c.seen {
		return
	}
	c.seen = state
	if err := c.read(); err != nil {
		c.log.Warn("the new TLS certificate cannot be used, the old one stays", "err", err)
		return
	}
	c.log.Info("TLS certificate read again", "file", c.certFile)
}
