package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"kont/jsvm/testhost"
)

// watch runs tests, and again those whose sources have changed, until the context is done.
func (t *tester) watch(ctx context.Context) error {
	watch, err := newSourceWatch()
	if err != nil {
		return err
	}
	defer watch.Close()
	isChange, isTold := false, false
	for {
		files, err := t.files()
		if err != nil && len(t.results) == 0 {
			return err
		}
		// Files are looked at after the watch has been told of them: a change that it missed is seen here.
		t.follow(watch, files)
		stale := slices.DeleteFunc(files, func(file string) bool { return !t.isStale(file, isChange) })
		if isChange = false; len(stale) > 0 {
			t.options.Bundles.Refresh()
			if err := t.run(ctx, stale); err != nil && !errors.Is(err, errQuiet) {
				if ctx.Err() != nil {
					return nil
				}
				report(t.p, err)
			}
			isTold = false
			continue
		}
		if !isTold {
			fmt.Fprintln(t.p.Err, "waiting for changes; Ctrl-C ends it")
			isTold = true
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-watch.errors():
			slog.Warn("watch sources", "error", err)
		case <-watch.changed():
			isChange = true
		}
	}
}

// isStale tells whether a file has not run with its sources as they are. Where not all of them are known, any change counts.
func (t *tester) isStale(file string, isChange bool) bool {
	result, hasRun := t.results[file]
	return !hasRun || result.HasMore && isChange || slices.ContainsFunc(result.Inputs, testhost.Input.HasChanged)
}

// follow watches the sources of all files, and the directories that new tests may come into.
func (t *tester) follow(watch *sourceWatch, files []string) {
	var sources []string
	for _, file := range files {
		for _, input := range t.results[file].Inputs {
			sources = append(sources, input.Path)
		}
	}
	slices.Sort(sources)
	roots := t.named
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, root := range roots[1:] {
		if isDir(root) {
			watch.addTree(root)
		}
	}
	root := roots[0]
	if !isDir(root) {
		root = filepath.Dir(root)
	}
	watch.follow(filepath.Join(root, "x"), append(slices.Compact(sources), files...), true)
}
