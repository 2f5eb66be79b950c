package raftlog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// cluster is some nodes in this process that talk over loopback.
type cluster struct {
	t     *testing.T
	nodes map[string]*clusterNode
}

type clusterNode struct {
	*raftlog.Node
	cfg raftlog.Config
	sm  *raftlogtest.Durable
}

func newCluster(t *testing.T, size int, change func(*raftlog.Config)) *cluster {
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
func (c *cluster) start(i int, change func(*raftlog.Config)) *clusterNode {
	cfg := lone(c.t, raftlog.LogStoreWAL)
	cfg.NodeID = fmt.Sprintf("n%d", i)
	cfg.Bootstrap = i == 1
	cfg.Bind = freeAddress(c.t)
	cfg.ElectionTimeout, cfg.HeartbeatTimeout = 300*time.Millisecond, 300*time.Millisecond
	if change != nil {
		change(&cfg)
	}
	sm := raftlogtest.NewDurable()
	node := &clusterNode{Node: open(c.t, cfg, sm), cfg: cfg, sm: sm}
	c.nodes[cfg.NodeID] = node
	return node
}

// loopback is a host of this process's own, where the machine has more than one for itself. Connections to it come from 127.0.0.1.
var loopback = sync.OnceValue(func() string {
	host := fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(254), mathrand.IntN(256), 1+mathrand.IntN(254))
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		return "127.0.0.1"
	}
	listener.Close()
	return host
})

// freeAddress stays the same over restarts of a node. While the node is down, its port on 127.0.0.1 may be given to any connection of any process.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", loopback()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func (c *cluster) join(node *clusterNode) {
	c.t.Helper()
	if err := c.leader().AddVoter(deadline(c.t), node.cfg.NodeID, node.cfg.Bind); err != nil {
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

// kill closes a node and loses what its state machine has not flushed.
func (c *cluster) kill(node *clusterNode) {
	c.t.Helper()
	closeNode(c.t, node.Node)
	delete(c.nodes, node.cfg.NodeID)
}

// restart opens a killed node again.
func (c *cluster) restart(node *clusterNode) *clusterNode {
	c.t.Helper()
	sm := node.sm.Reboot()
	again := &clusterNode{Node: open(c.t, node.cfg, sm), cfg: node.cfg, sm: sm}
	c.nodes[node.cfg.NodeID] = again
	return again
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
	if leader := c.leader(); id != leader.cfg.NodeID || address != leader.cfg.Bind {
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

func TestLeadershipCanBeHandedOver(t *testing.T) {
	c := newCluster(t, 3, nil)
	before := c.leader()
	if err := before.TransferLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	wait(t, "another leader", func() bool { return !before.IsLeader() && c.leader() != before })
	c.propose("to the new one")
	c.waitSameState(1)
}

// A node that was alone without an address gets one and can then be joined.
func TestLoneNodeWithoutAddressGrowsIntoACluster(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg, sm)
	proposeMany(t, node, 0, 5)
	closeNode(t, node)

	cfg.Bind = freeAddress(t)
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	sm = sm.Reboot()
	c.nodes["n1"] = &clusterNode{Node: lead(t, cfg, sm), cfg: cfg, sm: sm}
	c.join(c.start(2, nil))
	c.propose(numbered(5))
	c.waitSameState(6)
}

func TestClusterOverMutualTLS(t *testing.T) {
	config := testTLS(t)
	before := goroutines()
	c := newCluster(t, 3, func(cfg *raftlog.Config) { cfg.TLS = config })
	c.propose("sealed")
	c.waitSameState(1)

	// Without a certificate nobody gets in, and the node does not mind.
	conn, err := net.Dial("tcp", c.leader().cfg.Bind)
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
		IPAddresses: []net.IP{net.ParseIP(loopback())}, IsCA: true, BasicConstraintsValid: true,
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
