package testhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SnapshotPolicy says what to do where a value is not that of its snapshot.
type SnapshotPolicy uint8

const (
	// SnapshotsAdd writes missing ones; others fail.
	SnapshotsAdd SnapshotPolicy = iota
	// SnapshotsKeep writes none: a missing one fails too.
	SnapshotsKeep
	// SnapshotsUpdate writes all anew, and drops those that no test asks for.
	SnapshotsUpdate
)

const (
	snapshotHead   = "// Snapshots of kont test. Read the differences before you commit them; `kont test --update` writes them.\n"
	snapshotMarker = "=== "
)

// snapshots are those of a test file: a text file with a heading "=== TEST: NAME" before each value. A printed value has no line that begins so.
type snapshots struct {
	path   string
	policy SnapshotPolicy
	texts  map[string]string
	used   map[string]bool
	counts map[string]int // of those without a name, by test

	added, updated, removed int
	isChanged               bool
}

// readSnapshots reads the snapshots of a test file, which may have none.
func readSnapshots(testFile string, policy SnapshotPolicy) (*snapshots, error) {
	// alpha.test.ts has alpha.test.snap.
	path := strings.TrimSuffix(testFile, filepath.Ext(testFile)) + ".snap"
	s := &snapshots{path: path, policy: policy, texts: map[string]string{}, used: map[string]bool{}, counts: map[string]int{}}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshots: %w", err)
	}
	name, isIn := "", false
	var lines []string
	put := func() {
		if isIn {
			s.texts[name] = strings.TrimRight(strings.Join(lines, "\n"), "\n")
		}
	}
	for _, l := range strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") {
		if heading, ok := strings.CutPrefix(l, snapshotMarker); ok {
			put()
			name, isIn, lines = heading, true, nil
			continue
		}
		lines = append(lines, l)
	}
	put()
	return s, nil
}

// check compares a value with its snapshot. isSame is false where that is another text, which is stored; or where it is missing and may not be
// written, which is an error.
func (s *snapshots) check(test, name, text string) (stored string, isSame bool, err error) {
	if name == "" {
		s.counts[test]++
		name = fmt.Sprint(s.counts[test])
	}
	heading := strings.NewReplacer("\n", " ", "\r", " ").Replace(test + ": " + name)
	if s.used[heading] {
		return "", false, fmt.Errorf("the test has a snapshot named %q already", name)
	}
	s.used[heading] = true
	stored, isThere := s.texts[heading]
	switch {
	case isThere && stored == text:
		return "", true, nil
	case !isThere && s.policy == SnapshotsKeep:
		return "", false, fmt.Errorf("there is no snapshot %q in %s, and none is written where CI=true; run `kont test` without it, and commit the file", heading, displayed(s.path))
	case !isThere:
		s.added++
	case s.policy != SnapshotsUpdate:
		return stored, false, nil
	default:
		s.updated++
	}
	s.texts[heading], s.isChanged = text, true
	return "", true, nil
}

// write stores what has changed. isWhole says that all tests of the file ran to their end: only then it is known which snapshots nobody asks for.
func (s *snapshots) write(isWhole bool) error {
	if s.policy == SnapshotsUpdate && isWhole {
		for heading := range s.texts {
			if !s.used[heading] {
				delete(s.texts, heading)
				s.removed++
				s.isChanged = true
			}
		}
	}
	if !s.isChanged {
		return nil
	}
	if len(s.texts) == 0 {
		return os.Remove(s.path)
	}
	var headings []string
	for heading := range s.texts {
		headings = append(headings, heading)
	}
	slices.Sort(headings)
	var text strings.Builder
	text.WriteString(snapshotHead)
	for _, heading := range headings {
		text.WriteString("\n" + snapshotMarker + heading + "\n" + s.texts[heading] + "\n")
	}
	if err := replaceFile(s.path, text.String()); err != nil {
		return fmt.Errorf("write snapshots: %w", err)
	}
	return nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(path, text string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // fails after the rename, as it should
	if _, err = temporary.WriteString(text); err == nil {
		err = temporary.Chmod(0o644)
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
