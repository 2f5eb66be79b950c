//go:build unix

package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog/link/linktest"
	"kont/server/api"
	"kont/statemachine/command"
)

var (
	upgradeFlag            = flag.Bool("upgrade", false, "upgrade real nodes from earlier commits of this repository, which has to have its history")
	upgradeLoneFromFlag    = flag.String("upgrade-lone-from", "", "commit of the node that is alone; the last one before nodes formed clusters if empty")
	upgradeClusterFromFlag = flag.String("upgrade-cluster-from", "HEAD~1", "commit of the three nodes")
)

func needsUpgradeFlag(t *testing.T) {
	if !*upgradeFlag {
		t.Skip("builds earlier commits; run it with -upgrade")
	}
}

// runIn runs a command in a directory and returns what it prints.
func runIn(t *testing.T, dir string, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Dir = dir
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, &problems)
	}
	return strings.TrimSpace(string(output))
}

// sourceOf is the source of a commit, in a directory of its own.
func sourceOf(t *testing.T, revision string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	archive := filepath.Join(t.TempDir(), "source.tar")
	runIn(t, "..", "git", "archive", "-o", archive, revision)
	runIn(t, dir, "tar", "-xf", archive)
	t.Log("from commit", runIn(t, "..", "git", "log", "-1", "--format=%h %s", revision))
	return dir
}

// buildIn builds the server of a directory.
func buildIn(t *testing.T, dir string) (binary string) {
	t.Helper()
	binary = filepath.Join(dir, "kont-before")
	// Without the directory in it, what was compiled is found again the next time.
	runIn(t, dir, "go", "build", "-buildvcs=false", "-trimpath", "-o", binary, ".")
	return binary
}

// edit replaces the only place of a file that a pattern matches.
func edit(t *testing.T, path, pattern, by string) (edited string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expression := regexp.MustCompile(pattern)
	if n := len(expression.FindAllString(string(source), -1)); n != 1 {
		t.Fatalf("%s has %d places like %s, want one", path, n, pattern)
	}
	return expression.ReplaceAllString(string(source), by)
}

const upgradedKind = "KindAlterClientQuotas"

// buildBeforeKind builds a commit as if it were one before upgradedKind: it stops where it meets that in its log, and does not propose it.
func buildBeforeKind(t *testing.T, revision string) string {
	t.Helper()
	dir := sourceOf(t, revision)
	kinds, levels := filepath.Join(dir, "statemachine", "command", "encoding.go"), filepath.Join(dir, "statemachine", "command", "nodes.go")
	errKinds := os.WriteFile(kinds, []byte(edit(t, kinds, `(?m)^\t`+upgradedKind+`:.*\n`, "")), 0o644)
	errLevels := os.WriteFile(levels, []byte(edit(t, levels, `$`, fmt.Sprintf("\nfunc init() { levels[%s] = NewestLevel + 1 }\n", upgradedKind))), 0o644)
	if err := errors.Join(errKinds, errLevels); err != nil {
		t.Fatal(err)
	}
	return buildIn(t, dir)
}

// buildWithNewKind builds what is here as if upgradedKind were new, and of a level of its own.
func buildWithNewKind(t *testing.T) (binary string, level command.Level) {
	t.Helper()
	level = command.NewestLevel + 1
	dir := t.TempDir()
	path, err := filepath.Abs("../statemachine/command/nodes.go")
	if err != nil {
		t.Fatal(err)
	}
	source := edit(t, path, `(?m)^const NewestLevel = .*$`, fmt.Sprintf("const NewestLevel Level = %d", level))
	source += fmt.Sprintf("\nfunc init() { levels[%s] = %d }\n", upgradedKind, level)
	replaced, overlay := filepath.Join(dir, "nodes.go"), filepath.Join(dir, "overlay.json")
	encoded, err := json.Marshal(map[string]any{"Replace": map[string]string{path: replaced}})
	if err := errors.Join(err, os.WriteFile(replaced, []byte(source), 0o644), os.WriteFile(overlay, encoded, 0o644)); err != nil {
		t.Fatal(err)
	}
	if binary, err = buildServer("kont-next", "-overlay", overlay); err != nil {
		t.Fatal(err)
	}
	return binary, level
}

// Three nodes are started one by one on the next release, the leader last, while clients work. Nothing is lost; what only the next
// release knows is used when the last node has it, and not before; and none goes back after that.
//
// A commit seldom has a new kind of command. So the release before is a commit without one of its kinds, and the next is what is here, with that kind of a new level.
func TestThreeNodesAreUpgradedOneByOne(t *testing.T) {
	needsUpgradeFlag(t)
	before := buildBeforeKind(t, *upgradeClusterFromFlag)
	after, level := buildWithNewKind(t)
	c := startClusterOf(t, before)
	c.servers[0].deployBundle(compileSource(t, chaosWorkflow)) // its topics first
	load := newChaosLoad(t, c.kafkaAddresses()...)
	works := []chaosWork{load, newChaosTransactions(t, c.kafkaAddresses()), newChaosGroups(t, c.kafkaAddresses()), newChaosStories(t, c), newChaosRegisterLoad(t, c)}
	for _, work := range works {
		work.start()
	}
	leader := c.leader()
	if leader == nil {
		t.Fatal("no node leads")
	}
	levelBefore := c.level() // of a commit that raised it the parent has one less than this one
	order := append(slices.DeleteFunc(slices.Clone(c.servers), func(s *chaosServer) bool { return s == leader }), leader)
	for i, s := range order {
		c.checkLevel(levelBefore)
		seen := load.consumed.Load()
		waitUntil(t, "threads that go on", func() bool { return load.consumed.Load() > seen+20 })
		c.stop(s) // of the last time on, a node of the next release leads
		if err := alterQuota(t, c, 1000); err == nil {
			t.Fatalf("with %d nodes of the next release a command is taken that the others don't know", i)
		}
		s.binary = after
		s.start()
		c.awaitAll("the restart of a node")
	}
	c.checkLevel(level)
	if err := alterQuota(t, c, 2000); err != nil {
		t.Fatalf("with all nodes of the next release: %v", err)
	}
	for _, back := range []*chaosServer{order[0], c.leader()} {
		c.stop(back)
		back.checkRefusal(before, fmt.Sprintf("knows commands of level %d, the cluster is at %d", levelBefore, level))
		back.start()
		c.awaitAll("a try to go back")
	}
	for _, work := range works {
		work.finish()
	}
	for i, work := range works {
		work.check(c.servers[i%len(c.servers)].kafkaAddress)
	}
	c.checkSameState()
	for _, work := range works {
		t.Log(work)
	}
	t.Logf("longest time without an acknowledgement %v", time.Duration(load.waitedNano.Load()).Round(time.Millisecond))
}

// startClusterOf starts three nodes on this machine.
func startClusterOf(t *testing.T, binary string) *chaosCluster {
	c := &chaosCluster{t: t, began: time.Now(), dir: t.TempDir()}
	var addresses, peers []string
	for i := range 3 {
		addresses = append(addresses, linktest.FreeAddress(t))
		peers = append(peers, fmt.Sprintf("%d=%s", i+1, addresses[i]))
	}
	for i := range 3 {
		s := newChaosServer(t)
		s.binary, s.dir = binary, filepath.Join(c.dir, fmt.Sprint("node-", i+1))
		s.flags = []string{"--node-id", fmt.Sprint(i + 1), "--raft-addr", addresses[i], "--peers", strings.Join(peers, ","), "--group-session-timeout-min", "1s"}
		s.launch()
		c.servers = append(c.servers, s)
	}
	c.awaitAll("their start")
	return c
}

func (c *chaosCluster) level() command.Level {
	c.t.Helper()
	var cluster api.Cluster
	if err := c.get(c.servers[0], "/api/v1/cluster", &cluster); err != nil {
		c.t.Fatal(err)
	}
	return command.Level(cluster.Level)
}

func (c *chaosCluster) checkLevel(want command.Level) {
	c.t.Helper()
	if level := c.level(); level != want {
		c.t.Fatalf("the cluster has level %d, want %d", level, want)
	}
}

// alterQuota proposes a command of upgradedKind.
func alterQuota(t *testing.T, c *chaosCluster, bytesPerSecond float64) error {
	t.Helper()
	client := newChaosClient(t, c.kafkaAddresses(), kgo.RetryTimeout(3*time.Second))
	user := "somebody"
	altered, err := kadm.NewClient(client).AlterClientQuotas(t.Context(), []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "user", Name: &user}},
		Ops:    []kadm.AlterClientQuotaOp{{Key: "consumer_byte_rate", Value: bytesPerSecond}},
	}})
	if err != nil {
		return err
	}
	for _, one := range altered {
		err = errors.Join(err, one.Err)
	}
	return err
}

// checkRefusal starts another binary on the node's data, and wants it to end and say why.
func (s *chaosServer) checkRefusal(binary, why string) {
	s.t.Helper()
	current, said := s.binary, len(s.output.String())
	s.binary = binary
	s.launch()
	s.binary = current
	ended := make(chan error, 1)
	go func() { ended <- s.command.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if text := s.output.String()[said:]; !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(text, why) {
			s.t.Errorf("it ends with %v and says\n%s\nwant it to say %s", err, text, why)
		}
	case <-time.After(time.Minute):
		s.t.Errorf("it does not end:\n%s", s.output)
		s.command.Process.Kill()
		<-ended
	}
	s.command = nil
}

// stopOrKill ends a server in one way or the other.
func (s *chaosServer) stopOrKill(kills bool) {
	s.t.Helper()
	if kills {
		s.kill()
		return
	}
	s.command.Process.Signal(syscall.SIGTERM)
	if err := s.command.Wait(); err != nil {
		s.t.Errorf("it ends with %v", err)
	}
	s.command = nil
}
