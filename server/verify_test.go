package server

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog"
	"kont/statemachine"
)

func TestVerifyReadsEverything(t *testing.T) {
	settings := testConfig(t.TempDir())
	if _, err := Verify(settings, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty directory: %v", err)
	}
	n, err := Start(testContext(t), settings)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, n, kgo.AllowAutoTopicCreation())
	for range 20 {
		produce(t, client, "orders", "a", string(make([]byte, 10_000)))
	}
	if _, err := Verify(settings, nil); !errors.Is(err, raftlog.ErrLocked) {
		t.Errorf("of a node that runs: %v", err)
	}
	if err := n.raft.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := Verify(settings, nil); err != nil || found.State.Batches < 20 || found.ClusterID != n.identity.ClusterID {
		t.Fatalf("%+v, %v", found, err)
	}
	tables, err := filepath.Glob(filepath.Join(settings.DataDir, "store", "state-*", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, path := range tables {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(data)
		damaged[len(data)/3] ^= 1
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(settings, nil); !errors.Is(err, statemachine.ErrCorrupt) {
			t.Errorf("%s with a bit turned: %v", filepath.Base(path), err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Verify(settings, nil); err != nil {
		t.Error(err)
	}
}

// filesIn are the paths of all files and directories in one, with their contents but for that of the file that the library writes to when it opens it.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == lockFile || entry.Name() == "stable.db" {
			found[path] = ""
			return err
		}
		data, err := os.ReadFile(path)
		found[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// restoredDir is the directory of a node whose log begins after its state.
func restoredDir(t *testing.T) Config {
	t.Helper()
	n := startNode(t, testConfig(t.TempDir()))
	settings := testConfig(filepath.Join(t.TempDir(), "data"))
	if _, err := Restore(settings, bytes.NewReader(backUp(t, n))); err != nil {
		t.Fatal(err)
	}
	return settings
}

// What a start would refuse, it refuses, and leaves it as it is.
func TestVerifyRefusesWhatAStartWould(t *testing.T) {
	whole := restoredDir(t)
	before := filesIn(t, whole.DataDir)
	if _, err := Verify(whole, nil); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(filesIn(t, whole.DataDir), before) {
		t.Error("it changes what it verifies")
	}
	for lost, want := range map[string]error{
		"store": raftlog.ErrStateLost, "store/state-*": raftlog.ErrStateLost, "store/*": raftlog.ErrStateLost,
		"raft/stable.db": raftlog.ErrCorrupt, "raft/wal": raftlog.ErrCorrupt, "raft/written": raftlog.ErrCorrupt, "raft/snapshots": raftlog.ErrCorrupt,
		"raft": fs.ErrNotExist,
	} {
		settings := whole
		settings.DataDir = filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(settings.DataDir, os.DirFS(whole.DataDir)); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(settings.DataDir, lost))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", lost, paths, err)
		}
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
		before := filesIn(t, settings.DataDir)
		_, err = Verify(settings, nil)
		if !errors.Is(err, want) {
			t.Errorf("without %s: %v, want %v", lost, err, want)
		}
		after := filesIn(t, settings.DataDir)
		delete(after, filepath.Join(settings.DataDir, "store", lockFile))
		delete(before, filepath.Join(settings.DataDir, "store", lockFile))
		if !maps.Equal(after, before) {
			t.Errorf("without %s: it leaves other files than there were", lost)
		}
		if want != raftlog.ErrStateLost {
			continue
		}
		if _, startErr := Start(testContext(t), settings); !errors.Is(startErr, want) {
			t.Errorf("without %s it starts: %v", lost, startErr)
		}
	}
	for file, write := range map[string]string{
		identityFile: `{"version":2,"node_id":1,"cluster_id":""`, "raft/node.json": `{"version":1,"node_id":"node-2","log_store":"wal"}`, scramSecretFile: "short",
	} {
		settings := whole
		settings.DataDir = filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(settings.DataDir, os.DirFS(whole.DataDir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(settings.DataDir, file), []byte(write), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(settings, nil); err == nil {
			t.Errorf("%s is not looked at", file)
		}
		if _, err := Start(testContext(t), settings); err == nil {
			t.Errorf("%s is not looked at by a start", file)
		}
	}
	nowhere := testConfig(filepath.Join(t.TempDir(), "nowhere"))
	if _, err := Verify(nowhere, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
	if _, err := os.Stat(nowhere.DataDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere is somewhere: %v", err)
	}
}

// A start makes the state of the log, if that has everything.
func TestVerifyTakesALogForTheState(t *testing.T) {
	settings := testConfig(t.TempDir())
	n, err := Start(testContext(t), settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(settings.DataDir, "store")); err != nil {
		t.Fatal(err)
	}
	found, err := Verify(settings, nil)
	if err != nil || found.State.AppliedIndex != 0 || found.Log.LastIndex == 0 {
		t.Errorf("%+v, %v", found, err)
	}
	startNode(t, settings)
}
