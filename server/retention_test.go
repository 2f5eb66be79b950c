package server

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/statemachine/command"
)

const day = 24 * time.Hour

// expireAt looks for old offsets as the node would so much later, and returns the
// groups that have offsets then.
func expireAt(t *testing.T, n *Node, later time.Duration) []string {
	t.Helper()
	r := &retention{node: n}
	if err := r.expireOffsets(testContext(t), time.Now().Add(later).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	groups, err := n.store.Groups()
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func commitAlone(t *testing.T, n *Node, group string) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(command.TopicResult, 0, 0, -1)
	responses, err := kadm.NewClient(newClient(t, n)).CommitOffsets(testContext(t), group, offsets)
	if err != nil || responses.Error() != nil {
		t.Fatal(err, responses.Error())
	}
}

// A group that reads on without anything to commit keeps its offsets, and has them
// for a week after its last member has gone.
func TestOffsetsExpireAWeekAfterTheLastMemberHasGone(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	commitAlone(t, n, "alone")
	produce(t, newClient(t, n), command.TopicResult, "k", "v")
	member := newClient(t, n, kgo.ConsumerGroup("members"), kgo.ConsumeTopics(command.TopicResult), kgo.DisableAutoCommit())
	if err := member.PollFetches(testContext(t)).Err0(); err != nil {
		t.Fatal(err)
	}
	if err := member.CommitUncommittedOffsets(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what  string
		after time.Duration
		want  []string
	}{
		{"within the week", 6 * day, []string{"alone", "members"}},
		{"a week after the commit of one without members", 8 * day, []string{"members"}},
		{"weeks with a member and without a commit", 30 * day, []string{"members"}},
	} {
		if got := expireAt(t, n, step.after); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
	if err := member.LeaveGroupContext(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := expireAt(t, n, 36*day); !slices.Equal(got, []string{"members"}) {
		t.Errorf("within a week after the last member: %v", got)
	}
	if got := expireAt(t, n, 38*day); len(got) > 0 {
		t.Errorf("later: %v", got)
	}
}

// KIP-211: what a group once committed for a topic that none of its members reads any more expires as if the group
// had none, and what they read stays however old it is.
func TestOffsetsOfTopicsThatNobodyReadsExpire(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	offsets := kadm.Offsets{}
	offsets.AddOffset(command.TopicResult, 0, 0, -1)
	offsets.AddOffset(command.TopicResume, 0, 0, -1)
	admin := kadm.NewClient(newClient(t, n))
	for _, group := range []string{"readers", "workers"} {
		if responses, err := admin.CommitOffsets(testContext(t), group, offsets); err != nil || responses.Error() != nil {
			t.Fatal(err, responses.Error())
		}
	}
	produce(t, newClient(t, n), command.TopicResult, "k", "v")
	for _, options := range [][]kgo.Opt{
		{kgo.ConsumerGroup("readers"), kgo.ConsumeTopics(command.TopicResult)},
		{kgo.ConsumerGroup("workers"), kgo.ConsumeTopics(command.TopicResult), kgo.GroupProtocol("connect")}, // what its members do nobody knows
	} {
		member := newClient(t, n, append(options, kgo.DisableAutoCommit())...)
		if err := member.PollFetches(testContext(t)).Err0(); err != nil {
			t.Fatal(err)
		}
	}
	topicsOf := func(group string) []string {
		fetched, err := admin.FetchOffsets(testContext(t), group)
		if err != nil {
			t.Fatal(err)
		}
		topics := slices.Collect(maps.Keys(fetched))
		slices.Sort(topics)
		return topics
	}
	both := []string{command.TopicResult, command.TopicResume}
	slices.Sort(both)
	for _, step := range []struct {
		after   time.Duration
		readers []string
	}{{6 * day, both}, {8 * day, []string{command.TopicResult}}, {30 * day, []string{command.TopicResult}}} {
		expireAt(t, n, step.after)
		if got := topicsOf("readers"); !slices.Equal(got, step.readers) {
			t.Errorf("after %s the group has offsets for %v, want %v", step.after, got, step.readers)
		}
		if got := topicsOf("workers"); !slices.Equal(got, both) {
			t.Errorf("after %s the group of no consumers has offsets for %v", step.after, got)
		}
	}
}

func TestOffsetsAreKeptForEverIfToldSo(t *testing.T) {
	c := testConfig(t.TempDir())
	c.OffsetsRetention = 0
	n := startNode(t, c)
	commitAlone(t, n, "alone")
	if got := expireAt(t, n, 3650*day); !slices.Equal(got, []string{"alone"}) {
		t.Errorf("groups %v", got)
	}
}

// More partitions than go into one command, in more than one of them.
func TestRetentionLooksByItselfAtAllPartitions(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	const partitions = retentionTrimsMax + 1
	admin := kadm.NewClient(newClient(t, n))
	short := "1"
	if _, err := admin.CreateTopic(testContext(t), partitions, 1, map[string]*string{"retention.ms": &short}, "brief"); err != nil {
		t.Fatal(err)
	}
	records := make([]*kgo.Record, partitions)
	for i := range records {
		records[i] = &kgo.Record{Topic: "brief", Partition: int32(i), Value: []byte("v")}
	}
	client := newClient(t, n, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := client.ProduceSync(testContext(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r := &retention{node: n, every: time.Millisecond, offsetsEvery: time.Hour}
	if err := r.trim(testContext(t), time.Now().Add(time.Hour).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	startOf := func(partition int32) int64 {
		state, err := n.store.Partition("brief", partition)
		if err != nil {
			t.Fatal(err)
		}
		return state.StartOffset
	}
	for i := range int32(partitions) {
		if start := startOf(i); start != 1 {
			t.Fatalf("partition %d begins at %d", i, start)
		}
	}
	if err := client.ProduceSync(testContext(t), records[7]).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.Start()
	defer r.Stop()
	waitFor(t, "what came then is deleted", func() bool { return startOf(7) == 2 })
}
