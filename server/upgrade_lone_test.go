//go:build unix

package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog/link/linktest"
	"kont/statemachine/command"
)

const upgradeWorkflow = `
import * as W from "kont";
export const manifest = { outputTopics: ["asked"] };
const VERSION = "before";
export default async function main(seconds: number) {
  const log = [VERSION];
  if (seconds > 0) {
    W.outputJSON({ sleeps: seconds }, "asked");
    await W.sleep(seconds * 1000);
    log.push("slept");
  }
  const answer = W.ref<string>("answer");
  W.outputJSON({ ref: answer.id }, "asked");
  log.push(await answer);
  return log.join();
}
`

// upgradeThreads wait at the upgrade, and upgradeSleepers sleep, until after it unless the machine is slow.
const (
	upgradeThreads  = 50
	upgradeSleepers = 10
	upgradeSleep    = 8 * time.Second
)

// What a node wrote that was alone, and knew of no clusters, is all there for this release, which goes on with it; and others can join.
func TestLoneNodeOfAnEarlierCommitIsUpgraded(t *testing.T) {
	needsUpgradeFlag(t)
	revision := *upgradeLoneFromFlag
	if revision == "" {
		added := runIn(t, "..", "git", "log", "--reverse", "--diff-filter=A", "--format=%H", "--", "raftlog/link/hello.go")
		first, _, _ := strings.Cut(added, "\n")
		revision = first + "~1"
	}
	before := buildIn(t, sourceOf(t, revision))
	for _, how := range []string{"stopped", "killed"} {
		t.Run(how, func(t *testing.T) { upgradeLoneNode(t, before, how == "killed") })
	}
}

func upgradeLoneNode(t *testing.T, before string, kills bool) {
	s := newChaosServer(t)
	after := s.binary
	s.binary = before
	s.start()
	s.deployByCommand(before, upgradeWorkflow)
	u := newUpgraded(t, s.kafkaAddress)
	u.write()
	s.stopOrKill(kills)

	s.binary, s.flags = after, []string{"--raft-addr", linktest.FreeAddress(t)}
	s.start()
	u.check(s.kafkaAddress)
	s.deployByCommand(after, strings.Replace(upgradeWorkflow, `"before"`, `"after"`, 1))
	u.goOn()

	// A second node gets all of it.
	second := newChaosServer(t)
	second.flags = []string{"--node-id", "2", "--raft-addr", linktest.FreeAddress(t), "--join", s.flags[1]}
	second.start()
	c := &chaosCluster{t: t, servers: []*chaosServer{s, second}, dir: t.TempDir()}
	c.awaitAll("the join of a second node")
	u.checkEnd(second.kafkaAddress)
	c.checkSameState()
}

// deployByCommand compiles and deploys with the binary of a commit.
func (s *chaosServer) deployByCommand(binary, source string) {
	s.t.Helper()
	app := filepath.Join(s.t.TempDir(), "app.ts")
	err := os.WriteFile(app, []byte(source), 0o644)
	output, failed := exec.Command(binary, "deploy", app, "--server", s.httpAddress).CombinedOutput()
	if err := errors.Join(err, failed); err != nil {
		s.t.Fatalf("deploy: %v\n%s", err, output)
	}
}

// upgraded is what clients have written before the upgrade.
type upgraded struct {
	t      *testing.T
	client *kgo.Client
	admin  *kadm.Client
	ctx    context.Context
	// open is a producer whose transaction is open at the upgrade.
	open *kgo.Client
	// began is when the threads that sleep were started.
	began time.Time
}

func newUpgraded(t *testing.T, address string) *upgraded {
	u := &upgraded{t: t}
	var cancel context.CancelFunc
	u.ctx, cancel = context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	u.client = newChaosClient(t, []string{address})
	u.admin = kadm.NewClient(u.client)
	return u
}

func (u *upgraded) must(what string, errs ...error) {
	u.t.Helper()
	if err := errors.Join(errs...); err != nil {
		u.t.Fatalf("%s: %v", what, err)
	}
}

func (u *upgraded) produce(records ...*kgo.Record) {
	u.t.Helper()
	u.must("produce", u.client.ProduceSync(u.ctx, records...).FirstErr())
}

func threadEvent(key, event string) *kgo.Record {
	return &kgo.Record{Topic: command.TopicResume, Key: []byte(key), Value: []byte(event)}
}

func (u *upgraded) write() {
	u.t.Helper()
	keeps := "86400000"
	created, err := u.admin.CreateTopics(u.ctx, 2, 1, map[string]*string{"retention.ms": &keeps}, "old", "transactional")
	u.must("create topics", err, created.Error())
	for i := range 300 {
		u.produce(&kgo.Record{Topic: "old", Key: fmt.Append(nil, i%7), Value: fmt.Append(nil, "record ", i), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{byte(i)}}}})
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset("old", 0, 17, -1)
	offsets.AddOffset("old", 1, 23, -1)
	committed, err := u.admin.CommitOffsets(u.ctx, "readers", offsets)
	u.must("commit offsets", err, committed.Error())
	user, quota := "ann", 1e9
	altered, err := u.admin.AlterUserSCRAMs(u.ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"}})
	u.must("user", err, altered.Error())
	_, err = u.admin.AlterClientQuotas(u.ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "user", Name: &user}}, Ops: []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: quota}},
	}})
	u.must("quota", err)
	for i, how := range []string{"committed", "aborted", "open"} {
		client := newChaosClient(u.t, u.client.OptValue(kgo.SeedBrokers).([]string), kgo.TransactionalID(how), kgo.DefaultProduceTopic("transactional"))
		u.must("begin "+how, client.BeginTransaction(), client.ProduceSync(u.ctx, kgo.StringRecord(how+" 0"), kgo.StringRecord(how+" 1")).FirstErr())
		switch i {
		case 0:
			u.must("commit", client.EndTransaction(u.ctx, kgo.TryCommit))
		case 1:
			u.must("abort", client.EndTransaction(u.ctx, kgo.TryAbort))
		default:
			u.open = client
		}
	}
	for i := range upgradeThreads {
		u.produce(threadEvent(fmt.Sprint("waits-", i), "new:0"))
	}
	u.began = time.Now()
	for i := range upgradeSleepers {
		u.produce(threadEvent(fmt.Sprint("sleeps-", i), fmt.Sprintf("new:%v", upgradeSleep.Seconds())))
	}
	waitUntil(u.t, "the threads to wait and to sleep", func() bool {
		ends, err := u.admin.ListEndOffsets(u.ctx, "asked")
		var count int64
		ends.Each(func(o kadm.ListedOffset) { count += o.Offset })
		return err == nil && count == upgradeThreads+upgradeSleepers
	})
}

// check is for what was written before.
func (u *upgraded) check(address string) {
	u.t.Helper()
	if slept := time.Since(u.began); slept > upgradeSleep {
		u.t.Logf("the upgrade took %v: timers may have been due before", slept)
	}
	byKey := map[string][]string{}
	for _, r := range readAll(u.t, address, "old") {
		byKey[string(r.Key)] = append(byKey[string(r.Key)], fmt.Sprintf("%s %v", r.Value, r.Headers))
	}
	want := map[string][]string{}
	for i := range 300 {
		want[fmt.Sprint(i%7)] = append(want[fmt.Sprint(i%7)], fmt.Sprintf("record %d %v", i, []kgo.RecordHeader{{Key: "h", Value: []byte{byte(i)}}}))
	}
	if fmt.Sprint(byKey) != fmt.Sprint(want) {
		u.t.Errorf("records %v, want %v", byKey, want)
	}
	fetched, err := u.admin.FetchOffsets(u.ctx, "readers")
	u.must("offsets", err, fetched.Error())
	for partition, want := range map[int32]int64{0: 17, 1: 23} {
		if got, _ := fetched.Lookup("old", partition); got.At != want {
			u.t.Errorf("offset %d of partition %d, want %d", got.At, partition, want)
		}
	}
	configs, err := u.admin.DescribeTopicConfigs(u.ctx, "old")
	u.must("settings of the topic", err)
	if !slices.ContainsFunc(configs[0].Configs, func(c kadm.Config) bool { return c.Key == "retention.ms" && c.MaybeValue() == "86400000" }) {
		u.t.Errorf("settings of the topic %+v", configs)
	}
	users, err := u.admin.DescribeUserSCRAMs(u.ctx, "ann")
	u.must("user", err, users.Error())
	if len(users) != 1 || len(users["ann"].CredInfos) != 1 {
		u.t.Errorf("users %+v", users)
	}
	quotas, err := u.admin.DescribeClientQuotas(u.ctx, false, []kadm.DescribeClientQuotaComponent{{Type: "user", MatchType: 2}})
	u.must("quotas", err)
	if len(quotas) != 1 || len(quotas[0].Values) != 1 || quotas[0].Values[0].Value != 1e9 {
		u.t.Errorf("quotas %+v", quotas)
	}
	u.checkTransactions(address, "committed 0", "committed 1")
}

func (u *upgraded) checkTransactions(address string, want ...string) {
	u.t.Helper()
	var got []string
	for _, r := range readCommitted(u.t, address, "transactional") {
		got = append(got, string(r.Value))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		u.t.Errorf("committed records %q, want %q", got, want)
	}
}

// goOn does what was begun before, and something new.
func (u *upgraded) goOn() {
	u.t.Helper()
	u.must("go on with the transaction", u.open.ProduceSync(u.ctx, kgo.StringRecord("open 2")).FirstErr(), u.open.EndTransaction(u.ctx, kgo.TryCommit))
	u.produce(threadEvent("new", "new:0"))
	// Each asks anew after its sleep.
	answered := map[string]bool{}
	waitUntil(u.t, "all threads to ask", func() bool {
		for _, r := range readAll(u.t, u.client.OptValue(kgo.SeedBrokers).([]string)[0], "asked") {
			var asked struct{ Ref string }
			u.must("question", json.Unmarshal(r.Value, &asked))
			if key := string(r.Key); asked.Ref != "" && !answered[key] {
				answered[key] = true
				u.produce(threadEvent(key, fmt.Sprintf(`{"ref":%q,"value":"answered"}`, asked.Ref)))
			}
		}
		return len(answered) == upgradeThreads+upgradeSleepers+1
	})
}

// checkEnd is for how it all ended.
func (u *upgraded) checkEnd(address string) {
	u.t.Helper()
	results := map[string][]string{}
	waitUntil(u.t, "all results", func() bool {
		clear(results)
		for _, r := range readAll(u.t, address, command.TopicResult) {
			results[string(r.Key)] = append(results[string(r.Key)], string(r.Value))
		}
		return len(results) >= upgradeThreads+upgradeSleepers+1
	})
	for key, got := range results {
		kind, _, _ := strings.Cut(key, "-")
		want := cmp.Or(map[string]string{"sleeps": `"before,slept,answered"`, "new": `"after,answered"`}[kind], `"before,answered"`)
		if !slices.Equal(got, []string{want}) {
			u.t.Errorf("thread %s ends with %s, want %s", key, got, want)
		}
	}
	for _, failed := range readAll(u.t, address, command.TopicError) {
		u.t.Errorf("thread %s failed: %s", failed.Key, failed.Value)
	}
	u.checkTransactions(address, "committed 0", "committed 1", "open 0", "open 1", "open 2")
}
