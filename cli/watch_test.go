package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// changeWait bounds how long the operating system may take to tell.
const changeWait = time.Minute

func TestChangesOfFollowedFilesAreSeen(t *testing.T) {
	dir := t.TempDir()
	entry, other := filepath.Join(dir, "app.ts"), filepath.Join(dir, "lib", "other.ts")
	write := func(path, text string) {
		t.Helper()
		// In one operation: os.WriteFile cuts the file to nothing first, and may come to write it so late that these are two changes.
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = file.WriteString(text)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
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
}

// An editor's operations are one change, when the last is over, and a stranger's are none. Time is virtual, and the operating system has no part in it.
func TestChangeIsReportedOnceWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watch := &sourceWatch{
			watcher: &fsnotify.Watcher{Events: make(chan fsnotify.Event)}, sources: sourceSet{files: map[string]bool{"/app/app.ts": true}},
			settled: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
		}
		go watch.run()
		operate := func(name string, op fsnotify.Op, pause time.Duration) {
			watch.watcher.Events <- fsnotify.Event{Name: "/app/" + name, Op: op}
			time.Sleep(pause)
		}
		expect := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			got := len(watch.settled)
			if got != want {
				t.Errorf("%s: %d reports, want %d", what, got, want)
			}
			if got > 0 {
				<-watch.changed()
			}
		}
		operate("app.ts", fsnotify.Write, settleTime-1)
		operate("app.ts", fsnotify.Write, settleTime-1)
		operate("notes.txt", fsnotify.Write, 0)
		operate("app.ts", fsnotify.Write, settleTime-1)
		expect("the last write may not be over", 0)
		time.Sleep(time.Nanosecond)
		expect("the last write is over", 1)
		operate("notes.txt", fsnotify.Write, 10*settleTime)
		expect("a stranger's change", 0)
		operate("app.ts", fsnotify.Chmod, 10*settleTime)
		expect("other permissions", 0)
		operate("app.ts", fsnotify.Create, settleTime)
		expect("a rename over it", 1)
		time.Sleep(time.Hour)
		expect("later", 0)
		close(watch.done)
		<-watch.ended
	})
}
