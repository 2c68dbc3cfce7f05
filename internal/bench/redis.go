package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// server is a private redis-server.
type server struct {
	dir    string
	client *redis.Client
	cmd    *exec.Cmd
}

// startRedis starts a redis-server on a Unix socket, with the arguments added to its own.
func startRedis(ctx context.Context, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	args = append([]string{"--port", "0", "--unixsocket", "redis.sock", "--dir", dir, "--logfile", "redis.log",
		"--save", "", "--appendonly", "no", "--daemonize", "no"}, args...)
	s.cmd = exec.Command("redis-server", args...)
	s.cmd.Dir = dir
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	o, err := redis.ParseURL(s.url())
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	// As the store's own client is made.
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DisableIdentity, o.ContextTimeoutEnabled = true, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s.client = redis.NewClient(o)
	for deadline := time.Now().Add(10 * time.Second); !exists(s.socket()) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if err := s.client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (s *server) socket() string { return filepath.Join(s.dir, "redis.sock") }

func (s *server) url() string { return (&url.URL{Scheme: "unix", Path: s.socket()}).String() }

func (s *server) stop() error {
	if s.client != nil {
		_ = s.client.Close()
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed, and says so
	return os.RemoveAll(s.dir)
}

// clear empties the server, scripts excepted.
func (s *server) clear(ctx context.Context) error { return s.client.FlushAll(ctx).Err() }

// usage is what Redis spent since it was last asked to count anew.
type usage struct {
	cpu   time.Duration            // of the main thread
	calls map[string]time.Duration // by command, within the command itself
}

// usage asks Redis what it has spent in all.
func (s *server) usage(ctx context.Context) (usage, error) {
	text, err := s.client.Info(ctx, "cpu", "commandstats").Result()
	if err != nil {
		return usage{}, err
	}
	return parseUsage(text)
}

func parseUsage(text string) (usage, error) {
	u := usage{calls: make(map[string]time.Duration)}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		command, isCommand := strings.CutPrefix(name, "cmdstat_")
		switch {
		case name == "used_cpu_user_main_thread", name == "used_cpu_sys_main_thread":
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return u, err
			}
			u.cpu += time.Duration(seconds * float64(time.Second))
		case isCommand:
			var calls, micros int64
			if _, err := fmt.Sscanf(value, "calls=%d,usec=%d", &calls, &micros); err != nil {
				return u, err
			}
			u.calls[command] = time.Duration(micros) * time.Microsecond
		}
	}
	if u.cpu == 0 {
		return u, errors.New("redis tells no CPU time of its main thread")
	}
	return u, lines.Err()
}

// spent returns the microseconds that one of n calls cost since before: of CPU, and within the commands named.
func (u usage) spent(before usage, n int, commands ...string) (cpu, within float64) {
	var sum time.Duration
	for _, c := range commands {
		sum += u.calls[c] - before.calls[c]
	}
	per := float64(n) * float64(time.Microsecond)
	return float64(u.cpu-before.cpu) / per, float64(sum) / per
}
