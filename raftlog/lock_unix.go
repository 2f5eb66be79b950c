//go:build unix

package raftlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockFile is locked while a node has the directory open; it holds the process id,
// for people.
const lockFile = "LOCK"

// lockDir takes the lock, which ends with the process if not before.
func lockDir(path string) (io.Closer, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder := make([]byte, 32)
		n, _ := file.ReadAt(holder, 0)
		file.Close()
		return nil, fmt.Errorf("%s: %w (process %s); stop it or choose another directory", path, ErrLocked, holder[:n])
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(file, "%d", os.Getpid())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}

// syncDir makes names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
