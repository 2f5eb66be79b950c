package server

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

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
