package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// kinds are the names of the backends for people.
var kinds = map[string]string{
	"full": "thoonkd", "memory": "thoonkd without Redis", "null": "the same without a store", "centrifuge": "centrifuge",
}

// child is a server in a process of its own, so that what it uses can be told from what its clients use.
type child struct {
	kind    string
	address string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startChild(ctx context.Context, kind, redisURL string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{kind: kind, cmd: exec.CommandContext(ctx, program, "serve", "-kind", kind, "-redis", redisURL)}
	c.cmd.Stderr = os.Stderr
	in, err1 := c.cmd.StdinPipe()
	out, err2 := c.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, c.cmd.Start()); err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	s, err := c.answer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, errors.Join(err, c.stop()))
	}
	c.address = s.Address
	return c, nil
}

// do sends one command and waits until it is done.
func (c *child) do(command string) (state, error) {
	if _, err := io.WriteString(c.in, command+"\n"); err != nil {
		return state{}, err
	}
	return c.answer()
}

func (c *child) answer() (state, error) {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return state{}, err
	}
	var s state
	if err := json.Unmarshal(line, &s); err != nil {
		return s, err
	}
	if s.Error != "" {
		return s, errors.New(s.Error)
	}
	return s, nil
}

// stop ends the server and waits for it.
func (c *child) stop() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// profiled runs f, and takes a CPU profile of the server meanwhile if there is a directory for it.
func (c *child) profiled(dir, name string, f func() error) error {
	if dir == "" {
		return f()
	}
	if _, err := c.do("profile " + c.file(dir, name+".cpu")); err != nil {
		return err
	}
	err := f()
	_, stopped := c.do("endprofile")
	return errors.Join(err, stopped)
}

// heap writes a profile of the server's heap if there is a directory for it.
func (c *child) heap(dir, name string) error {
	if dir == "" {
		return nil
	}
	_, err := c.do("heap " + c.file(dir, name+".heap"))
	return err
}

func (c *child) file(dir, name string) string { return filepath.Join(dir, c.kind+"-"+name) }
