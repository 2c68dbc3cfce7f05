package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// socketName is the socket's name inside the data directory. The child is told this name alone, so that the
	// directory's own name may have any length.
	socketName = "redis.sock"
	// The address of a Unix socket has room for 107 bytes on Linux and for 103 on BSD (sun_path of unix(7)).
	maxSocketPath = 100

	poll     = 10 * time.Millisecond // between two looks at a server that starts or stops
	patience = time.Second           // for one answer; a server busy with its file may miss it and is asked again
)

// socket is the way to the child's socket.
type socket struct {
	path string
	temp string // holds the link that makes path short; may be empty
}

// newSocket returns the path of the socket in dir, through a link in a directory of its own if dir's name is too long.
func newSocket(dir string) (socket, error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return socket{path: path}, nil
	}
	temp, err := os.MkdirTemp("", "thoonkd-")
	if err != nil {
		return socket{}, err
	}
	link := filepath.Join(temp, "data")
	s := socket{path: filepath.Join(link, socketName), temp: temp}
	if err := os.Symlink(dir, link); err != nil {
		s.remove()
		return socket{}, err
	}
	return s, nil
}

// remove takes the link away. The socket itself is the child's to remove.
func (s socket) remove() {
	if s.temp != "" {
		_ = os.Remove(filepath.Join(s.temp, "data"))
		_ = os.Remove(s.temp)
	}
}

// removeOrphan ends the child of a thoonkd that was killed, if it still runs: two servers on one append-only file
// would destroy it. Whoever answers is an orphan, because we hold the directory's lock.
func (s socket) removeOrphan(ctx context.Context, log *slog.Logger) error {
	for told := false; ; told = true {
		// NOSAVE is about snapshots; the append-only file is written out all the same, before the socket closes.
		_, err := s.ask(ctx, "SHUTDOWN NOSAVE")
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
		if !told {
			log.Warn("a redis-server outlived the thoonkd that started it and is shut down", "socket", s.path)
		}
		if !sleep(ctx, poll) {
			return fmt.Errorf("a redis-server that outlived its thoonkd does not go from %s: %w", s.path, ctx.Err())
		}
	}
}

// ask sends one command and returns the first line of its answer. A raw connection is enough for that, and unlike a
// client's pool it repeats nothing.
func (s socket) ask(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.path)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}

// sleep waits and reports whether the context outlasted it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
