package statemachine

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the file system below Pebble. Once the store has failed it lets nothing
// through that would change the disk: Pebble repeats a failed flush at once and
// for ever, and after a manifest write of unknown outcome another one could make
// the store unreadable.
//
// New files wait at the gate until Close, which parks Pebble's background work
// without using a processor. Reads pass.
//
// Pebble's Open would wait for what is parked, and for a flush that it repeats until
// it succeeds. So while it runs the gate keeps the first failure to itself: that
// write and all that follow are dropped and called a success. To the disk that is a
// crash at that moment, Pebble finds its way out of Open, and is closed again.
type gate struct {
	vfs.FS
	failure *failure
	closing chan struct{}
	// foreground counts callers that make files themselves, by Open, Snapshot or
	// Restore: they get their error at once.
	foreground *atomic.Int32
	// isOpening: the Pebble above this gate is in its Open.
	isOpening atomic.Bool
}

// forPebble is a gate for one Pebble, which opens; opened tells when it has.
func (g *gate) forPebble() *gate {
	own := &gate{FS: g.FS, failure: g.failure, closing: g.closing, foreground: g.foreground}
	own.isOpening.Store(true)
	return own
}

// opened ends the time in which failures are kept from Pebble.
func (g *gate) opened() { g.isOpening.Store(false) }

// change makes a change to the disk, unless it is refused because the store has
// failed.
func (g *gate) change(f func() error) error {
	if err := g.failure.get(); err != nil {
		if g.isOpening.Load() {
			return nil
		}
		return err
	}
	err := f()
	if err != nil && g.isOpening.Load() && !errors.Is(err, fs.ErrNotExist) {
		g.failure.set(err)
		return nil
	}
	return err
}

// open opens a file to be written. In the place of one that can't be opened, while
// Pebble must not know, comes one that is never on the disk.
func (g *gate) open(f func() (vfs.File, error)) (opened vfs.File, err error) {
	err = g.change(func() (err error) { opened, err = f(); return err })
	if err != nil {
		return nil, err
	}
	if opened == nil {
		if opened, err = vfs.NewMem().Create("dropped", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return gatedFile{opened, g}, nil
}

// wait holds back what would begin background work on a store that has failed.
func (g *gate) wait() {
	if g.failure.get() != nil && g.foreground.Load() == 0 {
		<-g.closing
	}
}

// Create implements vfs.FS.
func (g *gate) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	g.wait()
	return g.open(func() (vfs.File, error) { return g.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (g *gate) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	g.wait()
	return g.open(func() (vfs.File, error) { return g.FS.ReuseForWrite(oldName, newName, category) })
}

// OpenReadWrite implements vfs.FS.
func (g *gate) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	return g.open(func() (vfs.File, error) { return g.FS.OpenReadWrite(name, category, options...) })
}

// OpenDir implements vfs.FS.
func (g *gate) OpenDir(name string) (vfs.File, error) {
	dir, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return gatedDir{dir, g}, nil
}

// Link implements vfs.FS.
func (g *gate) Link(oldName, newName string) error {
	return g.change(func() error { return g.FS.Link(oldName, newName) })
}

// Rename implements vfs.FS.
func (g *gate) Rename(oldName, newName string) error {
	return g.change(func() error { return g.FS.Rename(oldName, newName) })
}

// Remove implements vfs.FS.
func (g *gate) Remove(name string) error {
	return g.change(func() error { return g.FS.Remove(name) })
}

// Unwrap implements vfs.FS.
func (g *gate) Unwrap() vfs.FS { return g.FS }

// gatedDir is a directory, to be synced. Pebble's marker files panic when that
// fails, since nobody can tell any more what is on disk. Here the store fails
// instead, and the caller, who can't do anything about it, is told nothing.
type gatedDir struct {
	vfs.File
	gate *gate
}

func (d gatedDir) Sync() error {
	if d.gate.failure.get() != nil {
		return nil
	}
	if err := d.File.Sync(); err != nil {
		d.gate.failure.set(fmt.Errorf("sync directory: %w", err))
	}
	return nil
}

// gatedFile is a file that was opened for writing.
type gatedFile struct {
	vfs.File
	gate *gate
}

func (f gatedFile) Write(p []byte) (int, error) {
	n := len(p)
	err := f.gate.change(func() (err error) { n, err = f.File.Write(p); return err })
	if err == nil {
		n = len(p) // also of what was dropped
	}
	return n, err
}

func (f gatedFile) Preallocate(offset, length int64) error {
	return f.gate.change(func() error { return f.File.Preallocate(offset, length) })
}

func (f gatedFile) Sync() error     { return f.gate.change(f.File.Sync) }
func (f gatedFile) SyncData() error { return f.gate.change(f.File.SyncData) }

func (f gatedFile) SyncTo(length int64) (isFull bool, err error) {
	err = f.gate.change(func() (err error) { isFull, err = f.File.SyncTo(length); return err })
	return isFull, err
}
