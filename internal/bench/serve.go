package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// backend is what a server in a process of its own serves. Publish publishes so many items of 1 KiB, one by one, to those
// who listen.
type backend struct {
	handler http.Handler
	publish func(ctx context.Context, n int) error
	close   func()
}

var backends = map[string]func(ctx context.Context, redisURL string) (*backend, error){
	"full":       newFull,
	"memory":     newMemory,
	"null":       newNull,
	"centrifuge": newCentrifuge,
}

// state is what a server answers to each command.
type state struct {
	Address    string  // where it listens
	CPU        float64 // seconds so far
	RSS        int64   // bytes
	Heap       int64   // bytes of it that are in use, as the next
	Stacks     int64
	Goroutines int
	Error      string
}

// serve runs one server. It obeys commands on in, one a line, and ends with it.
func serve(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	kind := flags.String("kind", "", "what to serve")
	redisURL := flags.String("redis", "", "`URL` of Redis")
	if err := flags.Parse(args); err != nil {
		return err
	}
	open, ok := backends[*kind]
	if !ok {
		return fmt.Errorf("no such kind: %q", *kind)
	}
	b, err := open(ctx, *redisURL)
	if err != nil {
		return err
	}
	defer b.close()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: b.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)} // as thoonkd's
	defer web.Close()
	go func() { _ = web.Serve(listener) }() // until Close

	answers := json.NewEncoder(out)
	commands := bufio.NewScanner(in)
	for err := error(nil); ; err = b.obey(ctx, commands.Text()) {
		s, failed := now(listener.Addr().String())
		if err := errors.Join(err, failed); err != nil {
			s.Error = err.Error()
		}
		if err := answers.Encode(s); err != nil {
			return err
		}
		if !commands.Scan() {
			return commands.Err()
		}
	}
}

func (b *backend) obey(ctx context.Context, line string) error {
	command, arg, _ := strings.Cut(line, " ")
	switch command {
	case "publish":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		return b.publish(ctx, n)
	case "usage":
		return nil
	case "settle": // gives back what is not needed; a stack shrinks by half in one collection
		time.Sleep(time.Second)
		for range 4 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		return nil
	case "profile":
		f, err := os.Create(arg)
		if err != nil {
			return err
		}
		return pprof.StartCPUProfile(f)
	case "endprofile":
		pprof.StopCPUProfile()
		return nil
	case "heap":
		f, err := os.Create(arg)
		if err != nil {
			return err
		}
		runtime.GC()
		return errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
	}
	return fmt.Errorf("no such command: %q", line)
}

// now returns what this process has used so far.
func now(address string) (state, error) {
	s := state{Address: address, Goroutines: runtime.NumGoroutine()}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return s, err
	}
	s.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.Heap, s.Stacks = int64(memory.HeapInuse), int64(memory.StackInuse)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return s, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int64
	_, err = fmt.Sscan(rest, &kilobytes)
	s.RSS = kilobytes << 10
	return s, err
}
