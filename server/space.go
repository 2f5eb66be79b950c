package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// spaceBytesMin is what has to be free on the disk when a node starts: about what
// opening the log and the store takes.
const spaceBytesMin = 1 << 20

// checkSpace finds out before anything is opened whether the directory can be
// written to. Parts that meet a full disk while they open can't always say so.
func checkSpace(dir string) error {
	// Always the same name: what a node that is killed here leaves is overwritten.
	file, err := os.Create(filepath.Join(dir, "space.tmp"))
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, spaceBytesMin))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("write %d bytes: %w", spaceBytesMin, err)
	}
	return nil
}
