package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/api"
	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/embedded"
	"github.com/thoonkd/thoonkd/internal/push"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/telemetry"
	"github.com/thoonkd/thoonkd/openapi"
)

// run serves until ctx ends, and then lets open requests end. It writes to stdout what a person wants to see, first of
// all the address, once connections are accepted.
func run(ctx context.Context, cfg config.Config, log *slog.Logger, stdout io.Writer) (err error) {
	certificate, err := loadCertificate(cfg, time.Now, log)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() // the server closed it before, unless it never ran
	cfg = cfg.Bound(listener.Addr())
	keys, err := loadKeys(cfg) // which may make one: not before it is certain that we serve
	if err != nil {
		return err
	}

	redisURL, stopRedis, err := startRedis(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()

	st, err := store.Open(store.Options{URL: redisURL, Alone: cfg.Redis == config.Embedded, LogEntries: cfg.LogEntries, Log: log})
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	broker, adopter, remote := stream.NewBroker(st, log), st.NewAdopter(cfg.AuditInterval), remoteKeys(cfg, log)
	links, err := newComponents(cfg, st, broker, log)
	if err != nil {
		return err
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { broker.Run(background) })
	running.Go(func() { adopter.Run(background) })
	running.Go(func() { st.Watch(background) })
	running.Go(func() { st.NewMaintenance().Run(background) })
	links.run(background, &running)
	if remote != nil {
		running.Go(func() { remote.Run(background) })
	}
	defer running.Wait()
	defer stopBackground()

	var incoming sources
	var edge *api.Server
	ready := health{st, broker, adopter}
	metrics := telemetry.New(telemetry.Options{
		Version: version,
		Log:     log,
		Ready:   ready.Ready,
		Adopter: func() telemetry.Adopter { return adopterMetrics(adopter.Stats()) },
		Streams: func() int64 { return edge.Streams() },
		Ingest:  func() telemetry.Ingest { return ingestMetrics(incoming.Stats()) },
		XMPP:    links.metrics,
		Hub:     hubMetrics(st),
		Sources: sourceMetrics(st),
	})
	verifier, sender := newVerifier(cfg, keys, remote), newOutbound(cfg, metrics)
	defer sender.Close()
	ingest, err := newIngest(cfg, st, sender, log)
	if err != nil {
		return err
	}
	incoming = sources{st, ingest, sender}
	jobs := countedJobs{st, metrics.CountJobs}
	deliveries, err := newHub(cfg, st, broker, verifier, sender, metrics.ObserveHub, log)
	if err != nil {
		return err
	}
	running.Go(func() { deliveries.Run(background) })
	pusher := push.New(push.Options{Store: jobs, Sender: sender, Log: log, Pushed: metrics.ObservePush})
	running.Go(func() { pusher.Run(background) })
	running.Go(func() { ingest.Run(background) })
	running.Go(func() { incoming.declare(background, cfg, log) })
	mounts, err := newMounts(cfg, st, deliveries, ingest)
	if err != nil {
		return err
	}
	edge = newEdge(cfg, mounts, links, incoming, st, jobs, broker, ready, metrics, verifier, log)
	log.InfoContext(ctx, "serving", "config", cfg)
	if err := greet(stdout, cfg, keys); err != nil {
		return err
	}
	return serveHTTP(ctx, cfg, listener, newHTTPServer(edge, certificate, log), log)
}

// newEdge returns the REST edge, which shows the metrics, and counts in them.
func newEdge(cfg config.Config, mounts []api.Mount, links components, incoming sources, st *store.Store, jobs api.Jobs, broker *stream.Broker, ready health, metrics *telemetry.Metrics, verifier *auth.Verifier, log *slog.Logger) *api.Server {
	return api.New(api.Options{
		Store:         st,
		Jobs:          jobs,
		Outbound:      incoming.dialler,
		Streams:       streams{broker},
		Auth:          verifier,
		Health:        ready,
		Log:           log,
		PublicURL:     cfg.PublicURL,
		Heartbeat:     cfg.Heartbeat,
		MaxStreams:    cfg.MaxStreams,
		RatePerSecond: cfg.RateLimit,
		RateBurst:     cfg.RateBurst,
		CORSOrigins:   cfg.CORSOrigins,
		Subscriptions: st,
		Sources:       incoming,
		XMPP:          xmppAdmin{st, links},
		Rosters:       links.offerRosters,
		Mounts:        mounts,
		OpenAPI:       openapi.Document(cfg.PublicURL),
		Docs:          openapi.Docs(),
		Metrics:       metrics.Handler(),
		Observe:       metrics.Observe,
	})
}

func adopterMetrics(s store.AdopterStats) telemetry.Adopter {
	return telemetry.Adopter{
		State: telemetry.AdopterState(s.State), Lag: s.Lag,
		Told: s.Told, Restated: s.Restated, Refused: s.Refused, Disconnects: s.Disconnects,
	}
}

// startRedis returns the URL of the Redis to use, and what ends it if it is ours.
func startRedis(ctx context.Context, cfg config.Config, log *slog.Logger) (url string, stop func() error, err error) {
	if cfg.Redis != config.Embedded {
		return cfg.Redis, func() error { return nil }, nil
	}
	server, err := embedded.Start(ctx, filepath.Join(cfg.Data, "redis"), log)
	if err != nil {
		return "", nil, err
	}
	return server.URL(), server.Close, nil
}

// greet says where the server is. With a key of our own making it is a newcomer's first start, or a trial: so it also
// says how to ask it something.
func greet(w io.Writer, cfg config.Config, keys *auth.Keys) error {
	text := fmt.Sprintf("thoonkd listens on %s://%s\n", cfg.Scheme(), cfg.Listen)
	if cfg.OwnKey() {
		const ttl = 24 * time.Hour
		now := time.Now()
		token, err := newSigner(cfg, keys).Sign(auth.Claims{
			Subject: "quickstart", IssuedAt: now, Expires: now.Add(ttl),
			Grants: []auth.Grant{{Match: "*", Can: []auth.Verb{auth.Admin}}},
		})
		if err != nil {
			return err
		}
		text += fmt.Sprintf("Try it, with a token for everything that holds for %.0f hours:\n\n"+
			"  curl -H 'Authorization: Bearer %s' %s/v1/feeds\n\n", ttl.Hours(), token, cfg.PublicURL)
	}
	_, err := io.WriteString(w, text)
	return err
}

// newHTTPServer returns a server that speaks TLS, with HTTP/2, if there is a certificate.
func newHTTPServer(edge *api.Server, certificate *certificate, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           edge,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if certificate != nil {
		server.TLSConfig = certificate.config()
	}
	server.RegisterOnShutdown(edge.EndStreams)
	return server
}

// serveHTTP serves until ctx ends; then event streams end at once, and other requests within the shutdown timeout.
func serveHTTP(ctx context.Context, cfg config.Config, listener net.Listener, server *http.Server, log *slog.Logger) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "") // GetCertificate has them
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down", "timeout", cfg.ShutdownTimeout)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after %v: %w", cfg.ShutdownTimeout, err), server.Close())
	}
	return nil
}

// streams gives the api the broker's followers by the interface that it declares.
type streams struct{ broker *stream.Broker }

func (s streams) Follow(ctx context.Context, o stream.Options) (api.Follower, error) {
	f, err := s.broker.Follow(ctx, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s streams) FollowMany(ctx context.Context, o stream.ManyOptions) (api.Follower, error) {
	f, err := s.broker.FollowMany(ctx, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// health is ready when Redis answers, the log is read and foreign writes are adopted.
type health struct {
	store   *store.Store
	broker  *stream.Broker
	adopter *store.Adopter
}

func (h health) Ready(ctx context.Context) error {
	if err := h.store.Ping(ctx); err != nil {
		return err
	}
	return errors.Join(h.broker.Ready(), h.adopter.Ready())
}
