package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files is the file system of the data directory.
func (c Config) files() vfs.FS {
	if c.FS == nil {
		return vfs.Default
	}
	return c.FS
}

// makeDir makes a directory and those above it that are not there, and the names of all of them durable.
func makeDir(files vfs.FS, dir string) error {
	above := []string{filepath.Dir(filepath.Clean(dir))}
	for {
		last := above[len(above)-1]
		if _, err := files.Stat(last); err == nil || filepath.Dir(last) == last {
			break
		}
		above = append(above, filepath.Dir(last))
	}
	if err := files.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range above {
		if err := syncDir(files, name); err != nil {
			return err
		}
	}
	return nil
}

// lockDir keeps other processes from a data directory until the lock is closed.
func lockDir(files vfs.FS, dir string) (io.Closer, error) {
	lock, err := files.Lock(filepath.Join(dir, lockFile))
	if err != nil {
		var unopened *fs.PathError
		if errors.As(err, &unopened) {
			return nil, fmt.Errorf("lock the data directory: %w", err)
		}
		return nil, fmt.Errorf("lock the data directory: %w; is another node using it?", err)
	}
	return lock, nil
}

const lockFile = "LOCK"

// checkIdentityIsThere refuses a directory that has data and no node.json, which is written before any data is: the node would take itself for a new
// one, and what it has for data of its cluster. A start that was killed before that leaves neither a log nor a state.
func checkIdentityIsThere(files vfs.FS, dir string) error {
	path := filepath.Join(dir, identityFile)
	if _, err := files.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{"raft", "store"} {
		data := filepath.Join(dir, name)
		names, err := files.List(data)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("%s is gone, and nothing else says whose data %s is; put it back, or empty %s as a whole: "+
				"a node of a cluster joins it again then, and for one that was alone there is `kont restore`", path, data, dir)
		}
	}
	return nil
}

// writeFile writes a file beside its place and moves it there, so that it is there as a whole or not at all, and
// stays.
func writeFile(files vfs.FS, path string, data []byte) error {
	temporary := path + ".tmp"
	file, err := files.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = files.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, files.RemoveAll(temporary))
	}
	return syncDir(files, filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(files vfs.FS, name string) error {
	dir, err := files.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
