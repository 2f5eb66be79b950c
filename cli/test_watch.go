package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// watch runs tests, and again those whose sources have changed, until the context is done.
func (t *tester) watch(ctx context.Context) error {
	watch, err := newSourceWatch()
	if err != nil {
		return err
	}
	defer watch.Close()
	contents := map[string][sha256.Size]byte{} // of sources, as of their last run
	for {
		files, err := t.files()
		if err != nil && len(t.results) == 0 {
			return err
		}
		// What the sources are is taken down before they are read: a change that comes meanwhile is one of the next round.
		var stale []string
		fresh := map[string][sha256.Size]byte{}
		for _, file := range files {
			if t.isStale(file, contents, fresh) {
				stale = append(stale, file)
			}
		}
		t.followAll(watch, files)
		if len(stale) > 0 {
			t.options.Bundles.Refresh()
			if err := t.run(ctx, stale); err != nil && !errors.Is(err, errQuiet) {
				if ctx.Err() != nil {
					return nil
				}
				report(t.p, err)
			}
			for _, file := range stale { // also of inputs that were not known before
				for _, input := range t.results[file].Inputs {
					if _, known := fresh[input]; !known {
						fresh[input] = contentOf(input)
					}
				}
			}
			for input, sum := range fresh {
				contents[input] = sum
			}
			t.followAll(watch, files)
			fmt.Fprintln(t.p.Err, "waiting for changes; Ctrl-C ends it")
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-watch.errors():
			slog.Warn("watch sources", "error", err)
		case <-watch.changed():
		}
	}
}

// isStale tells whether a file has not run with its sources as they are, which it puts into fresh.
func (t *tester) isStale(file string, contents, fresh map[string][sha256.Size]byte) bool {
	result, hasRun := t.results[file]
	isStale := !hasRun
	for _, input := range append([]string{file}, result.Inputs...) {
		absolute, err := filepath.Abs(input)
		if err != nil {
			absolute = input
		}
		sum, known := fresh[absolute]
		if !known {
			sum = contentOf(absolute)
			fresh[absolute] = sum
		}
		isStale = isStale || contents[absolute] != sum
	}
	return isStale
}

func contentOf(path string) [sha256.Size]byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(text)
}

// followAll watches the sources of all files, and the directories that new tests may come into.
func (t *tester) followAll(watch *sourceWatch, files []string) {
	var sources []string
	for _, file := range files {
		sources = append(sources, t.results[file].Inputs...)
	}
	slices.Sort(sources)
	root := "."
	if len(t.named) > 0 {
		root = t.named[0]
	}
	if !isDir(root) {
		root = filepath.Dir(root)
	}
	watch.follow(filepath.Join(root, "x"), append(slices.Compact(sources), files...), true)
}
