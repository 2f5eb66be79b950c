package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a source must be left alone before it is read: editors
// write a file in several operations.
const settleTime = 100 * time.Millisecond

// treeDirsMax bounds the directories below the entry's that are watched while the
// workflow does not compile.
const treeDirsMax = 1000

// sourceWatch tells when one of a set of files has changed.
//
// It watches directories, since many editors save by renaming a new file over the
// old one, and a watch of the old file would follow it into the void.
type sourceWatch struct {
	watcher *fsnotify.Watcher
	sources sourceSet
	settled chan struct{}
	update  chan sourceSet
	done    chan struct{}
	ended   chan struct{}
}

// sourceSet is what a sourceWatch looks out for.
type sourceSet struct {
	files map[string]bool
	// isOpen: more files than these may belong to the workflow.
	isOpen bool
}

func (s sourceSet) concerns(event fsnotify.Event) bool {
	path, err := filepath.Abs(event.Name)
	switch {
	case err != nil || event.Op == fsnotify.Chmod:
		return false
	case s.files[path]:
		return true
	}
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		for file := range s.files {
			if strings.HasPrefix(file, path+string(filepath.Separator)) {
				return true // their directory has gone, or moved
			}
		}
	}
	return s.isOpen && (isSource(path) || filepath.Ext(path) == ".json" || event.Has(fsnotify.Create) && isDir(path))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func newSourceWatch() (*sourceWatch, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, failf("raise fs.inotify.max_user_instances", "watch sources: %w", err)
	}
	w := &sourceWatch{
		watcher: watcher,
		settled: make(chan struct{}, 1),
		update:  make(chan sourceSet),
		done:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// follow replaces the set of files; not to be called from two goroutines. The
// imports of a workflow that does not compile are not all known: with isOpen,
// every source below the entry's directory counts, also one that is yet to be
// written.
func (w *sourceWatch) follow(entry string, sources []string, isOpen bool) {
	set := sourceSet{files: map[string]bool{}, isOpen: isOpen}
	for _, path := range append([]string{entry}, sources...) {
		absolute, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		set.files[absolute] = true
		// A directory that is gone is looked for again at the next change, and one
		// that has come back is watched again.
		w.watcher.Add(filepath.Dir(absolute)) //nolint:errcheck // as said
	}
	if isOpen {
		w.addTree(filepath.Dir(entry))
	}
	w.update <- set
}

// addTree watches root and what is below it, but for hidden directories and
// packages.
func (w *sourceWatch) addTree(root string) {
	count := 0
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error { //nolint:errcheck // what can't be read has no sources
		switch name := filepath.Base(path); {
		case err != nil || !entry.IsDir():
			return nil
		case path != root && (name == "node_modules" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		}
		if count++; count > treeDirsMax {
			return fs.SkipAll
		}
		w.watcher.Add(path) //nolint:errcheck // it is gone already
		return nil
	})
}

func (w *sourceWatch) run() {
	defer close(w.ended)
	var settle <-chan time.Time
	for {
		select {
		case <-w.done:
			return
		case w.sources = <-w.update:
		case event, open := <-w.watcher.Events:
			if !open {
				return
			}
			if w.sources.concerns(event) {
				settle = time.After(settleTime)
			}
		case <-settle:
			settle = nil
			select {
			case w.settled <- struct{}{}:
			default: // one is waiting already
			}
		}
	}
}

// changed receives after a file of the set has changed and come to rest.
func (w *sourceWatch) changed() <-chan struct{} { return w.settled }

func (w *sourceWatch) errors() <-chan error { return w.watcher.Errors }

func (w *sourceWatch) Close() error {
	close(w.done)
	<-w.ended
	if err := w.watcher.Close(); err != nil {
		return fmt.Errorf("close the watch: %w", err)
	}
	return nil
}
