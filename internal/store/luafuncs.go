package store

import (
	"regexp"
	"strings"
)

var (
	luaComment  = regexp.MustCompile(`(?m)^\s*--.*$`)
	luaFunction = regexp.MustCompile(`(?m)^local function (\w+)\((?:.*\n)*?end\n`) // which ends at the first end that is not indented
	luaWord     = regexp.MustCompile(`\w+`)
)

// withoutIdle empties the lines of comments and of those functions that a script never names. Redis runs a script as a whole, so each
// function costs its making on every call, used or not. Line numbers stay, for messages of errors.
func withoutIdle(script string) string {
	script = luaComment.ReplaceAllString(script, "")
	bodies := make(map[string]string)
	for _, f := range luaFunction.FindAllStringSubmatch(script, -1) {
		bodies[f[1]] += f[0]
	}
	used := make(map[string]bool)
	var use func(text string)
	use = func(text string) {
		for _, word := range luaWord.FindAllString(text, -1) {
			if body, ok := bodies[word]; ok && !used[word] {
				used[word] = true
				use(body)
			}
		}
	}
	use(luaFunction.ReplaceAllString(script, ""))
	return luaFunction.ReplaceAllStringFunc(script, func(text string) string {
		if used[luaFunction.FindStringSubmatch(text)[1]] {
			return text
		}
		return strings.Repeat("\n", strings.Count(text, "\n"))
	})
}
