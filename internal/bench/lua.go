package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// measureLua compares the publish script that stands in other directories with the store's: for trying a change to the
// script. It is called with the same keys and arguments.
func measureLua(ctx context.Context, s settings, t *table) error {
	if s.lua == "" {
		return nil
	}
	w, err := newWriters(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.prepare(ctx); err != nil {
		return err
	}
	const ours = "the store's script"
	commands, dirs := map[string][]any{ours: w.evalsha}, strings.Split(s.lua, ",")
	for _, dir := range dirs {
		if commands[dir], err = w.load(ctx, dir); err != nil {
			return err
		}
	}
	var sides []side
	for _, name := range append([]string{ours}, dirs...) {
		sides = append(sides, w.pipedSide(s, name, []string{"evalsha"}, func(ctx context.Context, p redis.Pipeliner, id string) {
			p.Do(ctx, with(commands[name], "template", id)...)
		}))
	}
	got, err := compare(ctx, s.rounds, sides)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		t.costs(got, "the script of "+dir+": CPU of Redis", dir, ours, redisCPU, "µs")
	}
	return nil
}

// load returns the publish command with the script of a directory in place of the store's.
func (w *writers) load(ctx context.Context, dir string) ([]any, error) {
	var text strings.Builder
	for _, name := range []string{"lib", "once", "write"} {
		part, err := os.ReadFile(filepath.Join(dir, name+".lua"))
		if err != nil {
			return nil, err
		}
		text.Write(part)
	}
	sha, err := w.redis.client.ScriptLoad(ctx, text.String()).Result()
	if err != nil {
		return nil, err
	}
	changed := slices.Clone(w.evalsha)
	changed[1] = sha
	reply, err := w.redis.client.Do(ctx, with(changed, "template", w.id())...).Slice()
	if err == nil && (len(reply) == 0 || reply[0] != "ok") {
		err = fmt.Errorf("the script of %s answered %v", dir, reply)
	}
	return changed, err
}
