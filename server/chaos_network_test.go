//go:build unix

package server_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// chaosNetwork is a network namespace for each node, all on one bridge, over which the clients come too. Root can make one, on Linux.
type chaosNetwork struct {
	t     *testing.T
	names []string
	// prefix begins all addresses.
	prefix string
}

// newChaosNetwork returns nil where there can be none, and says why.
func newChaosNetwork(t *testing.T, nodes int) *chaosNetwork {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("no network namespaces: not root; links are not cut")
		return nil
	}
	id := rand.IntN(1 << 16)
	n := &chaosNetwork{t: t, prefix: fmt.Sprintf("10.%d.%d.", id>>8, id&0xff)}
	bridge := fmt.Sprintf("kb%04x", id)
	t.Cleanup(func() {
		for _, name := range n.names {
			n.run("ip netns del " + name) //nolint:errcheck // it may not be there
		}
		n.run("ip link del " + bridge) //nolint:errcheck // nor this
	})
	commands := []string{"ip link add " + bridge + " type bridge", "ip addr add " + n.prefix + "254/24 dev " + bridge, "ip link set " + bridge + " up"}
	for i := range nodes {
		name, outside := fmt.Sprintf("kn%04x-%d", id, i), fmt.Sprintf("kv%04x-%d", id, i)
		n.names = append(n.names, name)
		in := "ip -n " + name + " "
		commands = append(commands, "ip netns add "+name, "ip link add "+outside+" type veth peer name eth0 netns "+name,
			"ip link set "+outside+" master "+bridge, "ip link set "+outside+" up",
			in+"addr add "+n.host(i)+"/24 dev eth0", in+"link set eth0 up", in+"link set lo up")
	}
	for _, command := range commands {
		if err := n.run(command); err != nil {
			t.Logf("no network namespaces: %v; links are not cut", err)
			return nil
		}
	}
	return n
}

func (n *chaosNetwork) host(node int) string { return fmt.Sprintf("%s%d", n.prefix, node+1) }

func (n *chaosNetwork) run(command string) error {
	words := strings.Fields(command)
	if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, output)
	}
	return nil
}

// cut loses what a node sends to another one, in silence: it goes to a card that nobody has.
func (n *chaosNetwork) cut(from, to int) {
	n.must("ip -n " + n.names[from] + " neigh replace " + n.host(to) + " lladdr 02:00:00:00:00:01 nud permanent dev eth0")
}

func (n *chaosNetwork) mend(from, to int) {
	n.must("ip -n " + n.names[from] + " neigh del " + n.host(to) + " dev eth0")
}

func (n *chaosNetwork) must(command string) {
	n.t.Helper()
	if err := n.run(command); err != nil {
		n.t.Error(err)
	}
}
