package server

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/raftlog/link/linktest"
	"kont/server/peers"
)

// node.json is believed only if it can be, and is never taken for missing: a node that forgot who it is would vote again.
func TestIdentityThatCannotBeIsRefused(t *testing.T) {
	const directory = "000102030405060708090a0b0c0d0e0f"
	for name, test := range map[string]struct{ file, want string }{
		"damaged":               {`{"version":2,"cluster_id":"A","node_id":1`, "is damaged"},
		"empty":                 {``, "is damaged"},
		"no version":            {`{"cluster_id":"A","node_id":1}`, "has version 0, newest known is 2"},
		"newer":                 {`{"version":3,"cluster_id":"A","node_id":1}`, "has version 3, newest known is 2"},
		"old without a cluster": {`{"version":1}`, "no cluster id"},
		"member of no cluster":  {`{"version":2,"node_id":1,"member":true}`, "no cluster id"},
		"another node":          {`{"version":2,"cluster_id":"A","node_id":2}`, "belongs to node 2, not to 1; start it with --node-id 2"},
		"old":                   {`{"version":1,"cluster_id":"A"}`, ""},
		"in a cluster":          {`{"version":2,"cluster_id":"A","node_id":1,"directory_id":"` + directory + `","member":true}`, ""},
		"in none yet":           {`{"version":2,"node_id":1,"directory_id":"` + directory + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewMem()
			if err := disk.MkdirAll("/data", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := writeFile(disk, "/data/node.json", []byte(test.file)); err != nil {
				t.Fatal(err)
			}
			id, err := loadIdentity(disk, "/data", 1, false)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "node.json") {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if err != nil || id.Version != identityVersion || id.NodeID != 1 || id.DirectoryID == (peers.ID{}) {
				t.Fatalf("%+v, %v", id, err)
			}
			isOld := name == "old" // one that was alone, and whose log may begin with it
			if id.IsFounder != isOld || isOld && id.DirectoryID != derivedDirectoryID("A", 1) || id.IsMember != (name == "in a cluster") {
				t.Errorf("%+v", id)
			}
			// Alone now, one that is in no cluster founds it, and stays in it.
			founded, err := loadIdentity(disk, "/data", 1, true)
			if err != nil || founded.DirectoryID != id.DirectoryID || founded.ClusterID == "" || id.ClusterID != "" && founded.ClusterID != id.ClusterID {
				t.Errorf("alone: %+v, %v", founded, err)
			}
			if again, err := loadIdentity(disk, "/data", 1, true); err != nil || again != founded {
				t.Errorf("alone again: %+v, %v", again, err)
			}
		})
	}
}

// A node that does not know who it was would begin another cluster with the data of this one, or bring it into another.
func TestDataWithoutAnIdentityIsRefused(t *testing.T) {
	settings := testConfig(t.TempDir())
	dir := settings.DataDir
	n := startNode(t, settings)
	want := n.identity
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, identityFile)
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	before := filesOf(t, dir)
	joins := settings
	joins.Cluster.RaftAddr, joins.Cluster.Join = linktest.FreeAddress(t), []string{linktest.FreeAddress(t)}
	for name, settings := range map[string]Config{"alone": settings, "joins": joins} {
		if _, err := Start(testContext(t), settings); err == nil || !strings.Contains(err.Error(), path+" is gone") || !strings.Contains(err.Error(), "empty "+dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := filesOf(t, dir); !slices.Equal(after, before) {
		t.Errorf("it has %q, and had %q", after, before)
	}
	// Part of the data is no more a new node's than all of it.
	for _, lost := range []string{"store", "raft"} {
		kept := filepath.Join(t.TempDir(), lost)
		if err := os.Rename(filepath.Join(dir, lost), kept); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(testContext(t), settings); err == nil || !strings.Contains(err.Error(), path+" is gone") {
			t.Errorf("without %s: %v", lost, err)
		}
		if err := os.Rename(kept, filepath.Join(dir, lost)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	if got := startNode(t, settings).identity; got != want {
		t.Errorf("with its file it is %+v, and was %+v", got, want)
	}
}

func filesOf(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && entry.Name() != lockFile { // which is opened, and so its time changes
			all = append(all, fmt.Sprint(path, " ", info.Size(), " ", info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a start leaves that was killed before it wrote who the node is, and what is on a disk that is new, is nobody's data.
func TestDirectoryWithoutDataNeedsNoIdentity(t *testing.T) {
	settings := testConfig(t.TempDir())
	for _, name := range []string{lockFile, "space.tmp", identityFile + ".tmp", "scram-secret.tmp", filepath.Join("lost+found", "x"), "raft", "store"} {
		path := filepath.Join(settings.DataDir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if name == "raft" || name == "store" {
			err = os.Mkdir(path, 0o755)
		} else if err == nil {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	startNode(t, settings)
}
