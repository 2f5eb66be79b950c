package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// changeWait bounds how long the operating system may take to tell.
const changeWait = 10 * time.Second

func TestChangesOfFollowedFilesAreSeen(t *testing.T) {
	dir := t.TempDir()
	entry, other, stranger := filepath.Join(dir, "app.ts"), filepath.Join(dir, "lib", "other.ts"), filepath.Join(dir, "notes.txt")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(entry, "1")
	write(other, "1")
	watch, err := newSourceWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	watch.follow(entry, []string{other}, false)
	expect := func(what string) {
		t.Helper()
		select {
		case <-watch.changed():
		case <-time.After(changeWait):
			t.Fatalf("%s was not seen", what)
		}
	}

	write(entry, "2")
	expect("a write of the entry")
	write(other, "2")
	expect("a write of another source")
	replacement := filepath.Join(dir, "app.ts~")
	write(replacement, "3")
	if err := os.Rename(replacement, entry); err != nil {
		t.Fatal(err)
	}
	expect("a rename over the entry")
	write(entry, "4")
	expect("a write after the rename")

	away := filepath.Join(dir, "away")
	if err := os.Rename(filepath.Dir(other), away); err != nil {
		t.Fatal(err)
	}
	expect("a directory that moves away")
	if err := os.Rename(away, filepath.Dir(other)); err != nil {
		t.Fatal(err)
	}
	watch.follow(entry, []string{other}, false)
	write(other, "3")
	expect("a write after the directory came back")

	// A stranger's change must not be reported: the next report is for what
	// follows it, and there is only one.
	write(stranger, "x")
	write(entry, "5")
	expect("a write after a stranger's")
	select {
	case <-watch.changed():
		t.Fatal("a second report of one change")
	case <-time.After(3 * settleTime):
	}
}
