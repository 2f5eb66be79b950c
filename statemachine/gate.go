package statemachine

import (
	"fmt"
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
type gate struct {
	vfs.FS
	failure *failure
	closing chan struct{}
	// foreground counts callers that make files themselves, by Open, Snapshot or
	// Restore: they get their error at once.
	foreground atomic.Int32
}

// check returns nil as long as the store has not failed.
func (g *gate) check() error { return g.failure.get() }

// wait is check for the operations that begin background work.
func (g *gate) wait() error {
	err := g.failure.get()
	if err != nil && g.foreground.Load() == 0 {
		<-g.closing
	}
	return err
}

func (g *gate) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return gatedFile{f, g}, nil
}

// Create implements vfs.FS.
func (g *gate) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.wait(); err != nil {
		return nil, err
	}
	return g.file(g.FS.Create(name, category))
}

// ReuseForWrite implements vfs.FS.
func (g *gate) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.wait(); err != nil {
		return nil, err
	}
	return g.file(g.FS.ReuseForWrite(oldName, newName, category))
}

// OpenReadWrite implements vfs.FS.
func (g *gate) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	return g.file(g.FS.OpenReadWrite(name, category, options...))
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
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Link(oldName, newName)
}

// Rename implements vfs.FS.
func (g *gate) Rename(oldName, newName string) error {
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Rename(oldName, newName)
}

// Remove implements vfs.FS.
func (g *gate) Remove(name string) error {
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Remove(name)
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
	if d.gate.check() != nil {
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
	if err := f.gate.check(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f gatedFile) Sync() error {
	if err := f.gate.check(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f gatedFile) SyncData() error {
	if err := f.gate.check(); err != nil {
		return err
	}
	return f.File.SyncData()
}
