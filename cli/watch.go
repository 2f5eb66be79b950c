package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a source must be left alone before it is read: editors
// write a file in several operations.
const settleTime = 100 * time.Millisecond

// sourceWatch tells when one of a set of files has changed.
//
// It watches directories, since many editors save by renaming a new file over the
// old one, and a watch of the old file would follow it into the void.
type sourceWatch struct {
	watcher *fsnotify.Watcher
	files   map[string]bool
	dirs    map[string]bool
	settled chan struct{}
	update  chan map[string]bool
	done    chan struct{}
	ended   chan struct{}
}

func newSourceWatch() (*sourceWatch, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, failf("raise fs.inotify.max_user_instances", "watch sources: %w", err)
	}
	w := &sourceWatch{
		watcher: watcher,
		dirs:    map[string]bool{},
		settled: make(chan struct{}, 1),
		update:  make(chan map[string]bool),
		done:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// follow replaces the set of files; not to be called from two goroutines.
func (w *sourceWatch) follow(entry string, sources []string) {
	files := map[string]bool{}
	for _, path := range append([]string{entry}, sources...) {
		absolute, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		files[absolute] = true
		if dir := filepath.Dir(absolute); !w.dirs[dir] {
			// A directory that is gone is looked for again at the next change.
			w.dirs[dir] = w.watcher.Add(dir) == nil
		}
	}
	w.update <- files
}

func (w *sourceWatch) run() {
	defer close(w.ended)
	var settle <-chan time.Time
	for {
		select {
		case <-w.done:
			return
		case files := <-w.update:
			w.files = files
		case event, open := <-w.watcher.Events:
			if !open {
				return
			}
			path, err := filepath.Abs(event.Name)
			if err == nil && w.files[path] && event.Op != fsnotify.Chmod {
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
