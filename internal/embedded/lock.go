package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir makes this process the only thoonkd on a directory, until it closes the file it gets. The kernel closes it
// with the process, however that ends, and the child does not inherit it. The file stays for ever: to remove it
// would let two processes lock two files of one name.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the directory %s is in use by another thoonkd", dir)
	}
	return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
}
