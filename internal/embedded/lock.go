package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dirLock is the right to be the only thoonkd on a directory. The kernel takes it back with the process, however that
// ends, and the child does not inherit it.
type dirLock struct{ file *os.File }

// lockDir takes the lock. Its file stays for ever: to remove it would let two processes lock two files of one name.
func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &dirLock{f}, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the directory %s is in use by another thoonkd", dir)
	}
	return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
}

// release gives the lock back. Closing the file is not enough: a process that is being forked at this moment, for whatever
// program, holds a copy of every descriptor until it executes that program, and the lock with it.
func (l *dirLock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
