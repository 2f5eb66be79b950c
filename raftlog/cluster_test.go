package raftlog_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/link"
	"kont/raftlog/link/linktest"
	"kont/raftlog/raftlogtest"
)

// cluster is some nodes in this process that talk over loopback.
type cluster struct {
	t     testing.TB
	nodes map[string]*clusterNode
}

type clusterNode struct {
	*raftlog.Node
	cfg  raftlog.Config
	port link.Config
	sm   *raftlogtest.Durable
}

func newCluster(t testing.TB, size int, change func(*link.Config)) *cluster {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	first := c.start(1, change)
	if err := first.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= size; i++ {
		c.join(c.start(i, change))
	}
	return c
}

// start opens a new node; only the first bootstraps.
func (c *cluster) start(i int, change func(*link.Config), settings ...func(*raftlog.Config)) *clusterNode {
	cfg := lone(c.t, raftlog.LogStoreWAL)
	cfg.NodeID = fmt.Sprintf("n%d", i)
	cfg.Bootstrap = i == 1
	cfg.ElectionTimeout, cfg.HeartbeatTimeout = 300*time.Millisecond, 300*time.Millisecond
	port := link.Config{NodeID: cfg.NodeID, ClusterID: "test", Bind: linktest.FreeAddress(c.t), Logger: cfg.Logger}
	if change != nil {
		change(&port)
	}
	for _, set := range settings {
		set(&cfg)
	}
	return c.open(cfg, port, raftlogtest.NewDurable())
}

// open opens a node at its address.
func (c *cluster) open(cfg raftlog.Config, portConfig link.Config, sm *raftlogtest.Durable) *clusterNode {
	c.t.Helper()
	port, err := link.Open(portConfig)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg.Port = port
	node := &clusterNode{Node: open(c.t, cfg, sm), cfg: cfg, port: portConfig, sm: sm}
	c.nodes[cfg.NodeID] = node
	return node
}

func (c *cluster) join(node *clusterNode) {
	c.t.Helper()
	if err := c.leader().AddVoter(deadline(c.t), node.cfg.NodeID, node.port.Bind); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) leader() (leader *clusterNode) {
	c.t.Helper()
	wait(c.t, "a leader", func() bool {
		for _, node := range c.nodes {
			if node.IsLeader() {
				leader = node
				return true
			}
		}
		return false
	})
	return leader
}

// lead lets a node lead, whoever does.
func (c *cluster) lead(node *clusterNode) {
	c.t.Helper()
	wait(c.t, "leadership of "+node.cfg.NodeID, func() bool {
		if !node.IsLeader() {
			c.leader().TransferLeadership(deadline(c.t), raftlog.Member{ID: node.cfg.NodeID, Address: node.port.Bind}) //nolint:errcheck // tried again
		}
		return node.IsLeader()
	})
}

// kill closes a node and loses what its state machine has not flushed.
func (c *cluster) kill(node *clusterNode) {
	c.t.Helper()
	closeNode(c.t, node.Node)
	delete(c.nodes, node.cfg.NodeID)
}

// restart opens a killed node again.
func (c *cluster) restart(node *clusterNode) *clusterNode {
	c.t.Helper()
	return c.open(node.cfg, node.port, node.sm.Reboot())
}

// propose does what a client would: repeat until a leader answers.
func (c *cluster) propose(data string) {
	c.t.Helper()
	wait(c.t, "a proposal to be taken", func() bool {
		_, err := c.leader().Propose(deadline(c.t), []byte(data))
		return err == nil
	})
}

func (c *cluster) waitSameState(want int) {
	c.t.Helper()
	var states [][]string
	wait(c.t, "equal states", func() bool {
		states = nil
		for _, node := range c.nodes {
			states = append(states, slices.Compact(texts(node.sm.Proposals())))
		}
		for _, state := range states {
			if len(state) != want || !slices.Equal(state, states[0]) {
				return false
			}
		}
		return true
	})
}

func TestThreeNodesSurviveTheLossOfTheirLeader(t *testing.T) {
	c := newCluster(t, 3, nil)
	for i := range 20 {
		c.propose(numbered(i))
	}
	c.waitSameState(20)
	killed := c.leader()
	c.kill(killed)
	for i := 20; i < 40; i++ {
		c.propose(numbered(i))
	}
	c.waitSameState(40)
	c.restart(killed)
	c.propose(numbered(40))
	c.waitSameState(41)
	id, address := c.nodes[killed.cfg.NodeID].Leader()
	if leader := c.leader(); id != leader.cfg.NodeID || address != leader.port.Bind {
		t.Errorf("the restarted node takes %s at %s for the leader, not %s", id, address, leader.cfg.NodeID)
	}
}

func TestFollowerRefusesProposals(t *testing.T) {
	c := newCluster(t, 2, nil)
	leader := c.leader()
	for id, node := range c.nodes {
		if id == leader.cfg.NodeID {
			continue
		}
		if _, err := node.Propose(deadline(t), []byte("x")); !errors.Is(err, raftlog.ErrNotLeader) {
			t.Errorf("propose to follower: %v", err)
		}
		if err := node.Barrier(deadline(t)); !errors.Is(err, raftlog.ErrNotLeader) {
			t.Errorf("barrier on follower: %v", err)
		}
	}
}

// A leader that cannot reach the others leaves its proposals undecided, and leads no more.
func TestIsolatedLeaderStepsDown(t *testing.T) {
	c := newCluster(t, 3, nil)
	leader := c.leader()
	changes := leader.Leadership()
	<-changes
	for _, node := range c.nodes {
		if node != leader {
			closeNode(t, node.Node)
		}
	}
	_, err := leader.Propose(deadline(t), []byte("undecided"))
	if !errors.Is(err, raftlog.ErrOutcomeUnknown) && !errors.Is(err, raftlog.ErrNotLeader) {
		t.Fatalf("got %v", err)
	}
	if leads := <-changes; leads || leader.IsLeader() {
		t.Fatal("still leads")
	}
	closeNode(t, leader.Node)
}

// The leader's log is trimmed and its snapshot holds no data; a node that joins gets
// the leader's present state, and ends with a snapshot without data itself.
func TestNewNodeGetsTheStateAndThenTheLog(t *testing.T) {
	c := newCluster(t, 1, nil)
	leader := c.leader()
	proposeMany(t, leader.Node, 0, 50)
	if err := leader.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	proposeMany(t, leader.Node, 50, 60)
	joined := c.start(2, nil)
	replayed := 0
	joined.sm.OnApply = func(r raftlogtest.Result) any { replayed++; return r }
	c.join(joined)
	for i := 60; i < 70; i++ {
		c.propose(numbered(i))
	}
	c.waitSameState(70)
	if replayed > 20 {
		t.Errorf("%d proposals came by the log", replayed)
	}
	wait(t, "the received data to be dropped", func() bool {
		return joined.Stats().Snapshots > 0 && diskBytes(t, joined.cfg.Dir+"/snapshots") < 4096
	})
	c.kill(joined)
	c.propose0(leader, 70)
	c.restart(joined)
	c.propose(numbered(71))
	c.waitSameState(72)
}

// propose0 starts a proposal that only takes effect when a majority is back.
func (c *cluster) propose0(leader *clusterNode, i int) {
	c.t.Helper()
	if _, err := leader.ProposeAsync(deadline(c.t), []byte(numbered(i))); err != nil {
		c.t.Fatal(err)
	}
}

// A restarted leader has applied nothing since its start when the new node needs its
// state.
func TestRestartedLeaderBringsANewNodeUpToDate(t *testing.T) {
	c := newCluster(t, 1, nil)
	first := c.leader()
	proposeMany(t, first.Node, 0, 30)
	if err := first.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.kill(first)
	c.restart(first)
	c.join(c.start(2, nil))
	c.waitSameState(30)
}

func TestRemovedNodeIsGoneAndTheRestGoesOn(t *testing.T) {
	c := newCluster(t, 3, nil)
	removed := c.leader()
	if err := removed.RemoveServer(deadline(t), removed.cfg.NodeID); err != nil {
		t.Fatal(err)
	}
	wait(t, "the removed leader to step down", func() bool { return !removed.IsLeader() })
	c.kill(removed)
	c.propose("without it")
	c.waitSameState(1)
	members, err := c.leader().Members()
	if err != nil || len(members) != 2 {
		t.Fatalf("members %v, %v", members, err)
	}
}

// One node bootstraps and names all; the others learn of it.
func TestFirstMembersAreOneClusterFromTheStart(t *testing.T) {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	var members []raftlog.Member
	var ports []link.Config
	for i := range 3 {
		id := fmt.Sprintf("n%d", i+1)
		ports = append(ports, link.Config{NodeID: id, ClusterID: "test", Bind: linktest.FreeAddress(t)})
		members = append(members, raftlog.Member{ID: id, Address: ports[i].Bind, Voter: true})
	}
	for i, port := range ports {
		cfg := lone(t, raftlog.LogStoreWAL)
		cfg.NodeID, cfg.Bootstrap, cfg.FirstMembers = port.NodeID, i == 0, nil
		if i == 0 {
			cfg.FirstMembers = members
		}
		c.open(cfg, port, raftlogtest.NewDurable())
	}
	c.propose("all there")
	c.waitSameState(1)
	for _, node := range c.nodes {
		if got, err := node.Members(); err != nil || !slices.Equal(got, members) {
			t.Errorf("%s knows the members %v, %v", node.cfg.NodeID, got, err)
		}
	}
	// A second start with Bootstrap founds nothing anew.
	first := c.nodes["n1"]
	c.kill(first)
	c.propose("without it")
	c.restart(first)
	c.waitSameState(2)
}

// A nonvoter gets the log, and neither elects nor counts for a majority until it is made a voter.
func TestNonvoterFollowsWithoutAVote(t *testing.T) {
	c := newCluster(t, 1, nil)
	leader, joined := c.leader(), c.start(2, nil)
	if err := leader.AddNonvoter(deadline(t), joined.cfg.NodeID, joined.port.Bind); err != nil {
		t.Fatal(err)
	}
	c.propose("one")
	c.waitSameState(1)
	c.kill(joined)
	propose(t, leader.Node, "two") // a voter that is away would keep it from commit
	joined = c.restart(joined)
	c.waitSameState(2)

	c.join(joined)
	members, err := leader.Members()
	if err != nil || len(members) != 2 || !members[1].Voter {
		t.Fatalf("members %v, %v", members, err)
	}
	if err := leader.AddNonvoter(deadline(t), joined.cfg.NodeID, joined.port.Bind); err == nil {
		t.Error("a voter is made a nonvoter in passing")
	}
	c.propose("three")
	c.waitSameState(3)
}

// A node that is not who was looked for at its address gets nothing, and none of another cluster.
func TestStrangersGetNothingOfTheLog(t *testing.T) {
	c := newCluster(t, 1, nil)
	leader := c.leader()
	c.propose("ours")
	for i, stranger := range []struct{ cluster, addedAs, refusal string }{
		{"another", "n2", "it belongs to cluster test, and this node to another"},
		{"test", "n4", `it looks for node \"n4\", and this is node \"n3\"`},
		{"", "n4", "this node is in no cluster yet"},
	} {
		var log lockedBuffer
		other := c.start(i+2, func(port *link.Config) {
			port.ClusterID, port.Logger = stranger.cluster, slog.New(slog.NewTextHandler(&log, nil))
		})
		delete(c.nodes, other.cfg.NodeID)
		// As a nonvoter, so that the leader can go on without it.
		if err := leader.AddNonvoter(deadline(t), stranger.addedAs, other.port.Bind); err != nil {
			t.Fatal(err)
		}
		c.propose(numbered(i))
		wait(t, "a refusal because "+stranger.refusal, func() bool { return strings.Contains(log.String(), stranger.refusal) })
		if err := leader.RemoveServer(deadline(t), stranger.addedAs); err != nil {
			t.Fatal(err)
		}
		if got := other.sm.Proposals(); len(got) > 0 {
			t.Errorf("it was told %q", texts(got))
		}
	}
}

// lockedBuffer is what a logger of several goroutines writes to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestLeadershipCanBeHandedOver(t *testing.T) {
	c := newCluster(t, 3, nil)
	before := c.leader()
	first, _ := before.LeaderTerm()
	if err := before.TransferLeadership(deadline(t), raftlog.Member{}); err != nil {
		t.Fatal(err)
	}
	wait(t, "another leader", func() bool { return !before.IsLeader() && c.leader() != before })
	second := c.leader().cfg.NodeID
	c.propose("to the new one")
	c.waitSameState(1)
	if err := c.leader().TransferLeadership(deadline(t), raftlog.Member{ID: before.cfg.NodeID, Address: before.port.Bind}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the first leader again", before.IsLeader)
	// Each has a term of its own for each time.
	between, _ := c.nodes[second].LeaderTerm()
	if again, leads := before.LeaderTerm(); !leads || first == 0 || between <= first || again <= between {
		t.Errorf("terms %d, %d and %d, leads %v", first, between, again, leads)
	}
}

// A node that was alone without an address gets one and can then be joined.
func TestLoneNodeWithoutAddressGrowsIntoACluster(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg, sm)
	proposeMany(t, node, 0, 5)
	closeNode(t, node)

	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	c.open(cfg, link.Config{NodeID: cfg.NodeID, ClusterID: "test", Bind: linktest.FreeAddress(t)}, sm.Reboot())
	c.leader()
	c.join(c.start(2, nil))
	c.propose(numbered(5))
	c.waitSameState(6)
}

func TestClusterOverMutualTLS(t *testing.T) {
	config := testTLS(t)
	before := goroutines()
	c := newCluster(t, 3, func(port *link.Config) { port.TLS = func() *tls.Config { return config } })
	c.propose("sealed")
	c.waitSameState(1)

	// Without a certificate nobody gets in, and the node does not mind.
	conn, err := net.Dial("tcp", c.leader().port.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x00plain text, not a handshake")); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	for buf := make([]byte, 100); ; {
		if _, err := conn.Read(buf); err != nil {
			if errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
			break
		}
	}
	c.propose("still there")
	c.waitSameState(2)
	for _, node := range c.nodes {
		closeNode(t, node.Node)
	}
	conn.Close()
	requireNoGoroutines(t, before)
}

// testTLS is one certificate for loopback that every node uses and trusts.
func testTLS(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(linktest.Loopback())}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}
