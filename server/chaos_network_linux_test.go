package server_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// chaosNetwork is a network namespace for each node. Clients come over a bridge that nobody harms; what nodes send to each other goes over a wire.
// Root can make one, on Linux.
type chaosNetwork struct {
	t     *testing.T
	names []string
	wire  *chaosWire
	// clients and nodes begin all addresses on the bridge, and on the wire.
	clients, nodes string
}

// newChaosNetwork returns nil where there can be none, and says why.
func newChaosNetwork(t *testing.T, nodes int) *chaosNetwork {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("no network namespaces: not root; links are not harmed")
		return nil
	}
	id := rand.IntN(1 << 15)
	n := &chaosNetwork{t: t, clients: fmt.Sprintf("10.%d.%d.", id>>7, id&0x7f), nodes: fmt.Sprintf("10.%d.%d.", id>>7, id&0x7f|0x80)}
	bridge := fmt.Sprintf("kb%04x", id)
	var taps []string
	for i := range nodes {
		taps = append(taps, fmt.Sprintf("kt%04x-%d", id, i))
	}
	t.Cleanup(func() {
		if n.wire != nil {
			n.wire.close()
		}
		for _, name := range n.names {
			n.run("ip netns del " + name) //nolint:errcheck // it may not be there
		}
		n.run("ip link del " + bridge) //nolint:errcheck // nor this
	})
	var err error
	if n.wire, err = newChaosWire(taps); err != nil {
		t.Logf("no network namespaces: %v; links are not harmed", err)
		return nil
	}
	commands := []string{"ip link add " + bridge + " type bridge", "ip addr add " + n.clients + "254/24 dev " + bridge, "ip link set " + bridge + " up"}
	for i, tap := range taps {
		name, outside := fmt.Sprintf("kn%04x-%d", id, i), fmt.Sprintf("kv%04x-%d", id, i)
		n.names = append(n.names, name)
		in := "ip -n " + name + " "
		commands = append(commands, "ip netns add "+name, "ip link add "+outside+" type veth peer name eth0 netns "+name,
			"ip link set "+outside+" master "+bridge, "ip link set "+outside+" up",
			in+"addr add "+n.host(i)+"/24 dev eth0", in+"link set eth0 up", in+"link set lo up",
			"ip link set "+tap+" netns "+name, in+"link set "+tap+" address "+cardAddress(i), in+"addr add "+n.nodeHost(i)+"/24 dev "+tap, in+"link set "+tap+" up")
		for other := range nodes {
			if other != i { // so that nobody has to ask, and what is lost is lost in silence
				commands = append(commands, in+"neigh replace "+n.nodeHost(other)+" lladdr "+cardAddress(other)+" nud permanent dev "+tap)
			}
		}
	}
	for _, command := range commands {
		if err := n.run(command); err != nil {
			t.Logf("no network namespaces: %v; links are not harmed", err)
			return nil
		}
	}
	return n
}

func cardAddress(node int) string { return fmt.Sprintf("02:00:00:00:00:%02x", node+1) }

// host is where clients reach a node, nodeHost where other nodes do.
func (n *chaosNetwork) host(node int) string     { return fmt.Sprintf("%s%d", n.clients, node+1) }
func (n *chaosNetwork) nodeHost(node int) string { return fmt.Sprintf("%s%d", n.nodes, node+1) }

// enter is what a command begins with that runs where a node is.
func (n *chaosNetwork) enter(node int) []string {
	return []string{"ip", "netns", "exec", n.names[node]}
}

func (n *chaosNetwork) run(command string) error {
	words := strings.Fields(command)
	if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, output)
	}
	return nil
}

// harm does something to one direction of a link; the zero value mends it.
func (n *chaosNetwork) harm(from, to int, link chaosLink) { n.wire.set(from, to, link) }
