//go:build unix

package server_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog/link/linktest"
	"kont/server/api"
	"kont/server/config"
)

var (
	chaosMinutesFlag  = flag.Float64("chaos-minutes", 0, "how long the three nodes are harmed; 0 for three faults, or three minutes with -chaos")
	chaosLoopbackFlag = flag.Bool("chaos-loopback", false, "make no network namespaces for the three nodes, and cut no links")
)

// Three real servers are killed, paused, stopped, made to give up leadership, lose their data, are removed and join again, and where that can be done
// their disks are full or stuck and their links cut, at random, while clients start threads, resume them, and write records with and without
// transactions, and while snapshots and backups are taken. In the end every acknowledged record is there once, transactions are there wholly or not
// at all, each thread has finished with the right result and written each record exactly once, backups are good, and the three have the same state.
//
// The seed decides which fault comes when; what the processes make of it is theirs.
func TestClusterLosesNothingUnderChaos(t *testing.T) {
	seed := *chaosSeedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	again := fmt.Sprintf("make chaos MINUTES=%v SEED=%d", cmp.Or(*chaosMinutesFlag, 3), seed)
	switch {
	case *chaosMinutesFlag == 0 && !*chaosFlag:
		again = fmt.Sprintf("go test ./server -run '^%s$' -count 1 -v -chaos-seed %d", t.Name(), seed)
	case *chaosLoopbackFlag:
		again += " FLAGS=-chaos-loopback"
	}
	t.Logf("seed %d; to repeat its faults: %s", seed, again)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat its faults: %s", again)
		}
	})
	c := newChaosCluster(t, seed)
	c.servers[0].deployBundle(compileSource(t, chaosWorkflow))
	load := newChaosLoad(t, c.kafkaAddresses()...)
	works := []chaosWork{load, newChaosTransactions(t, c.kafkaAddresses()), newChaosGroups(t, c.kafkaAddresses()), newChaosStories(t, c), newChaosRegisterLoad(t, c)}
	if c.isLong {
		works = append(works, newChaosCare(t, c, seed))
	}
	for _, work := range works {
		work.start()
	}

	faults, until := 3, time.Time{}
	if minutes := *chaosMinutesFlag; minutes > 0 || *chaosFlag {
		if minutes == 0 {
			minutes = 3
		}
		faults, until = 1<<30, time.Now().Add(time.Duration(minutes*float64(time.Minute)))
	}
	for i := 0; i < faults && (until.IsZero() || time.Now().Before(until)); i++ {
		c.random = rand.New(rand.NewPCG(seed, uint64(i))) // whatever fault i-1 was drawn to do
		c.sleep(300, 2000)
		c.harm()
		if t.Failed() {
			break
		}
	}
	c.awaitAll("the last fault")
	var finishing sync.WaitGroup
	for _, work := range works {
		finishing.Go(work.finish)
	}
	finishing.Wait()
	var counts chaosCounts
	for i, work := range works {
		counts.addAll(work.check(c.servers[i%len(c.servers)].kafkaAddress))
	}
	c.checkSameState()
	for _, work := range works {
		t.Log(work)
	}
	c.report(load, counts)
}

// chaosWork are clients that work on while nodes are harmed.
type chaosWork interface {
	start()
	// finish begins nothing new, and waits for the end of what was begun. It runs beside that of the others.
	finish()
	// check compares what is there with what was acknowledged, by asking one node.
	check(address string) chaosCounts
	// String says how much it was.
	String() string
}

// chaosCluster is three real servers.
type chaosCluster struct {
	t *testing.T
	// random is the present fault's.
	random  *rand.Rand
	servers []*chaosServer
	// network is nil where links can't be cut.
	network *chaosNetwork
	// disks are the nodes', nil where they can't get full.
	disks [3]*chaosDisk
	// dir has the nodes' data, and what is left of it after a failure.
	dir string
	// isLong has harms that take time: wrong clocks, full disks, nodes that come back with nothing.
	isLong bool
	// logStore is the kind of all nodes' log.
	logStore string
	began    time.Time
	faults   []chaosFault
	// snapshots counts nodes that came back by one.
	snapshots int
	// ballast writes what nobody reads, nil until it is needed.
	ballast *kgo.Client
}

func newChaosCluster(t *testing.T, seed uint64) *chaosCluster {
	c := &chaosCluster{t: t, began: time.Now(), logStore: []string{config.RaftLogStoreWAL, config.RaftLogStoreBoltDB}[seed%2]}
	var err error
	if c.dir, err = os.MkdirTemp("", "kont-chaos-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.keepOrRemove)
	c.isLong = *chaosFlag || *chaosMinutesFlag > 0
	if c.isLong && !*chaosLoopbackFlag {
		c.network = newChaosNetwork(t, 3)
	}
	var peers, addresses []string
	for i := range 3 {
		address := linktest.FreeAddress(t)
		if c.network != nil {
			address = c.network.nodeHost(i) + ":7000"
		}
		addresses = append(addresses, address)
		peers = append(peers, fmt.Sprintf("%d=%s", i+1, address))
	}
	for i := range 3 {
		dir := filepath.Join(c.dir, fmt.Sprint("node-", i+1))
		if c.isLong && (i == 0 || c.disks[0] != nil) {
			c.disks[i] = newChaosDisk(t, dir) // before the server, which must have ended when it goes
		}
		s := newChaosServer(t)
		s.dir = filepath.Join(dir, "data")
		s.flags = []string{"--node-id", fmt.Sprint(i + 1), "--raft-addr", addresses[i], "--peers", strings.Join(peers, ","), "--rack", chaosRack(i), "--group-session-timeout-min", "1s",
			"--raft-log-store", c.logStore, "--raft-log-snapshot-bytes", "1MiB", "--raft-log-trailing-bytes", "256KiB"}
		if c.network != nil {
			s.before = c.network.enter(i)
			s.flags = append(s.flags, "--insecure")
			s.kafkaAddress, s.httpAddress = c.network.host(i)+":9092", c.network.host(i)+":8080"
		}
		if c.isLong {
			if s.binary, err = buildWithWrongClockOnce(); err != nil {
				t.Fatal(err)
			}
		}
		s.launch()
		c.servers = append(c.servers, s)
	}
	c.awaitAll("their start")
	return c
}

func (c *chaosCluster) kafkaAddresses() (all []string) {
	for _, s := range c.servers {
		all = append(all, s.kafkaAddress)
	}
	return all
}

// sleep lets the load go on: the instant of the fault is random time, not a condition.
func (c *chaosCluster) sleep(leastMilli, mostMilli int) {
	<-time.After(time.Duration(leastMilli+c.random.IntN(mostMilli-leastMilli)) * time.Millisecond)
}

// harm does one harm to a node, half of the times to the leader, mends it, and notes what it was.
func (c *chaosCluster) harm() {
	victim, meansLeader := c.servers[c.random.IntN(len(c.servers))], c.random.IntN(2) == 0
	leader := c.leader()
	if leader != nil && meansLeader {
		victim = leader
	}
	fault := chaosFault{from: time.Now(), node: slices.Index(c.servers, victim) + 1, isLeader: victim == leader, kind: "fault that did not end"}
	defer func() { // also if the test ends here
		fault.to = time.Now()
		c.faults = append(c.faults, fault)
		c.t.Log(fault.describe(c.began))
	}()
	fault.kind = c.harmNode(victim)
}

// harmNode says what it was.
func (c *chaosCluster) harmNode(victim *chaosServer) string {
	if c.network != nil && c.random.IntN(2) == 0 {
		return c.harmLinks(slices.Index(c.servers, victim))
	}
	disk, kinds := c.disks[slices.Index(c.servers, victim)], 5
	if c.isLong {
		kinds = 10
	}
	switch c.random.IntN(kinds) {
	case 9:
		return c.leaveFarBehind(victim)
	case 8:
		return c.loseData(victim)
	case 7:
		return c.removeAndJoin(victim)
	case 6:
		if disk == nil {
			break
		}
		return c.makeDiskStuck(victim, disk)
	case 5:
		if disk == nil {
			break
		}
		if err := disk.fill(); err != nil {
			c.t.Error(err)
		}
		c.sleep(100, 6000)
		if err := disk.free(); err != nil {
			c.t.Error(err)
		}
		c.stop(victim) // a node writes nothing more after a failure, so it has to be started anew
		c.again(victim)
		return "full disk"
	case 0:
		victim.command.Process.Signal(syscall.SIGSTOP)
		c.sleep(100, 4000)
		victim.command.Process.Signal(syscall.SIGCONT)
		return "pause"
	case 1:
		c.stop(victim)
		c.sleep(1, 500)
		c.again(victim)
		return "stop"
	case 2:
		request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+victim.httpAddress+"/api/v1/cluster/transfer-leader", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		if response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request); err == nil { // nobody may lead just now
			response.Body.Close()
		}
		return "transfer"
	case 3:
		other := c.servers[c.random.IntN(len(c.servers))]
		victim.kill()
		if other != victim {
			other.kill()
			c.sleep(1, 500)
			c.again(other)
		}
		c.again(victim)
		return "kill of two"
	}
	victim.kill()
	c.sleep(1, 3000)
	c.again(victim)
	return "kill"
}

// harmLinks harms links of a node to others for a while: it cuts one direction, both, or all that it has, or lets packets be late or lost.
// Clients reach it all the time.
func (c *chaosCluster) harmLinks(victim int) string {
	others := []int{(victim + 1) % 3, (victim + 2) % 3}
	one := others[c.random.IntN(2)]
	away, all := [][2]int{{victim, others[0]}, {victim, others[1]}}, [][2]int{{victim, others[0]}, {victim, others[1]}, {others[0], victim}, {others[1], victim}}
	what, links, harm := "", all, chaosLink{isCut: true}
	switch c.random.IntN(6) {
	case 0:
		what, links = "cut one way", [][2]int{{victim, one}}
	case 1:
		what, links = "cut both ways", [][2]int{{victim, one}, {one, victim}}
	case 2:
		what, links = "mute", away
	case 3:
		what, harm = "loss", chaosLink{lossPercent: 1 + c.random.IntN(40)}
	case 4:
		what, harm = "delay", chaosLink{delay: time.Duration(1+c.random.IntN(300)) * time.Millisecond, jitter: time.Duration(c.random.IntN(50)) * time.Millisecond}
	default:
		what = "isolate"
	}
	for _, link := range links {
		c.network.harm(link[0], link[1], harm)
	}
	c.sleep(200, 6000)
	for _, link := range links {
		c.network.harm(link[0], link[1], chaosLink{})
	}
	return what
}

// stop asks a server to stop, and shows what it does if it does not within a minute.
func (c *chaosCluster) stop(s *chaosServer) {
	c.t.Helper()
	s.command.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(time.Minute, func() {
		c.t.Error("a node does not stop a minute after SIGTERM; its log has its goroutines")
		s.command.Process.Signal(syscall.SIGQUIT)
	})
	s.command.Wait() //nolint:errcheck // it ends one way or the other
	timer.Stop()
	s.command = nil
}

// again starts a server, with another clock, and waits for it only if the next fault may want to find it well.
func (c *chaosCluster) again(s *chaosServer) {
	if c.isLong {
		s.environment = []string{wrongClock(c.random)}
	}
	s.launch()
	if c.random.IntN(3) > 0 {
		select {
		case <-s.ready:
		case <-time.After(time.Minute):
			c.t.Errorf("a node is not ready a minute after its start")
		}
	}
}

// leader is the one that says that it leads.
func (c *chaosCluster) leader() *chaosServer {
	for _, s := range c.servers {
		var health api.Health
		if c.get(s, "/readyz", &health) == nil && health.IsLeader {
			return s
		}
	}
	return nil
}

func (c *chaosCluster) get(s *chaosServer, path string, into any) error {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + s.httpAddress + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return errors.Join(err, json.Unmarshal(data, into))
}

// awaitAll waits until all nodes are well after something.
func (c *chaosCluster) awaitAll(after string) {
	c.t.Helper()
	var cluster api.Cluster
	var err error
	isWell := func() bool {
		cluster = api.Cluster{}
		if err = c.get(c.servers[0], "/api/v1/cluster", &cluster); err != nil || len(cluster.Nodes) != len(c.servers) {
			return false
		}
		return !slices.ContainsFunc(cluster.Nodes, func(n api.ClusterNode) bool { return !n.IsWell() || !n.IsVoter })
	}
	for deadline := time.Now().Add(time.Minute); !isWell(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("a minute after %s node 1 says of the cluster: %+v, %v", after, cluster, err)
		}
	}
}

// checkSameState stops the nodes, the leader last so that nothing is proposed on the way, and compares what they have on disk.
func (c *chaosCluster) checkSameState() {
	c.t.Helper()
	var cluster api.Cluster
	waitUntil(c.t, "nodes that have applied the same", func() bool {
		return c.get(c.servers[0], "/api/v1/cluster", &cluster) == nil && !slices.ContainsFunc(cluster.Nodes, func(n api.ClusterNode) bool {
			return n.AppliedIndex != cluster.Nodes[0].AppliedIndex
		})
	})
	leader := c.leader()
	if leader == nil {
		c.t.Fatal("no node leads")
	}
	order := append(slices.DeleteFunc(slices.Clone(c.servers), func(s *chaosServer) bool { return s == leader }), leader)
	for _, s := range order {
		c.stop(s)
	}
	type verified struct {
		AppliedIndex uint64 `json:"applied_index"`
		Hash         string `json:"hash"`
	}
	found := map[verified]int{}
	for _, s := range c.servers {
		output, err := exec.Command(s.binary, "verify", s.dir, "-o", "json").CombinedOutput()
		var v verified
		if err := errors.Join(err, json.Unmarshal(output, &v)); err != nil {
			c.t.Fatalf("verify: %v: %s", err, output)
		}
		found[v]++
	}
	if len(found) != 1 {
		c.t.Errorf("the nodes have different states: %v", found)
	}
}
