package child_test

import (
	"io"
	"os"
	"slices"
	"testing"

	"kont/cli/child"
	"kont/cli/client"
)

func TestNodesFormACluster(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := child.NewCluster(3, executable, t.TempDir(), nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Kill() })
	if cluster.Running() != nil {
		t.Error("a node runs before the start")
	}
	// Once they are killed and come back, and once only one was.
	for _, end := range []func() error{cluster.Kill, cluster.Nodes[0].Kill, cluster.Kill} {
		if err := cluster.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		from, err := client.New(cluster.Running().HTTPAddress())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := from.AwaitCluster(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if cluster.Nodes[0].ProcessID() != 0 || cluster.Running() == cluster.Nodes[0] {
			t.Error("node 1 runs after its end")
		}
	}
	if slices.ContainsFunc(cluster.Nodes, func(n *child.Node) bool { return n.ProcessID() != 0 }) {
		t.Error("a node runs in the end")
	}
}

func TestOneNodeIsAlone(t *testing.T) {
	cluster, err := child.NewCluster(1, "kont", t.TempDir(), []string{"--log-level", "warn"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(cluster.Nodes) != 1 || !slices.Equal(cluster.Nodes[0].Args, []string{"--log-level", "warn"}) {
		t.Errorf("got %+v", cluster.Nodes)
	}
}
