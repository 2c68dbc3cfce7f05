package schema

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"sync"
)

// maxCached bounds the declarations that are kept compiled; one that was dropped is compiled anew when it is wanted.
const maxCached = 256

// Cache keeps checks compiled, by the digest of their declaration. The zero value is ready, and safe for concurrent use.
type Cache struct {
	mu   sync.Mutex
	made map[string]func() (*Checks, error)
}

// Digest returns what a declaration is known by: as feed.config has its fields schema and stamp, "" where there is none.
func Digest(schema, stamp string) string {
	if schema == "" && stamp == "" {
		return ""
	}
	sum := sha1.Sum([]byte(schema + "\x00" + stamp))
	return hex.EncodeToString(sum[:])
}

// Checks returns the checks of a declaration. Two that want the same at once compile it once. Errors are those of
// [Compile]; a stamp that is no object of texts is one too.
func (c *Cache) Checks(schema, stamp string) (*Checks, error) {
	digest := Digest(schema, stamp)
	c.mu.Lock()
	if c.made == nil {
		c.made = make(map[string]func() (*Checks, error))
	}
	made, known := c.made[digest]
	if !known {
		for old := range c.made { // any
			if len(c.made) < maxCached {
				break
			}
			delete(c.made, old)
		}
		made = sync.OnceValues(func() (*Checks, error) { return compileStored(schema, stamp) })
		c.made[digest] = made
	}
	c.mu.Unlock()
	return made()
}

func compileStored(schema, stamp string) (*Checks, error) {
	stamped := make(map[string]string)
	if stamp != "" {
		if err := json.Unmarshal([]byte(stamp), &stamped); err != nil {
			return nil, err
		}
	}
	return Compile(schema, stamped)
}
