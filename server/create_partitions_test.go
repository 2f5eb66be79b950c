package server

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"kont/statemachine/command"
)

// Threads that have events in two partitions, those from before and those from after the
// topic has grown, take each of them once, and go on.
func TestThreadsGoOnWhenTheirTopicHasMorePartitions(t *testing.T) {
	c := testConfig(t.TempDir())
	n := startNode(t, c)
	deployPuppet(t, n)
	client := newClient(t, n)
	ctx := testContext(t)
	const threads = 20
	for i := range threads {
		produce(t, client, command.TopicResume, fmt.Sprint("t", i), "new:\"start\"")
	}
	consumed := func() bool {
		topic, _ := n.store.Topic(command.TopicResume)
		for p := range topic.Partitions {
			state, err := n.store.Partition(command.TopicResume, p)
			if err != nil {
				t.Fatal(err)
			}
			if next, err := n.store.ConsumedOffset(command.TopicResume, p); err != nil || next != state.NextOffset {
				return false
			}
		}
		return true
	}
	waitFor(t, "the starts", consumed)
	topic, _ := n.store.Topic(command.TopicResume)
	responses, err := kadm.NewClient(client).CreatePartitions(ctx, 7, command.TopicResume)
	if err != nil || responses.Error() != nil {
		t.Fatal(err, responses.Error())
	}
	moved := int64(0)
	grown, _ := n.store.Topic(command.TopicResume)
	if grown.Partitions != topic.Partitions+7 {
		t.Fatalf("%d partitions, were %d", grown.Partitions, topic.Partitions)
	}
	fresh := newClient(t, n) // knows all partitions
	for i := range threads {
		produce(t, fresh, command.TopicResume, fmt.Sprint("t", i), `{"ref":"r","value":"end"}`)
	}
	results := consume(t, n, command.TopicResult, threads)
	seen := map[string]bool{}
	for _, r := range results {
		if seen[string(r.Key)] || string(r.Value) != "start;end;" {
			t.Errorf("%s: %s", r.Key, r.Value)
		}
		seen[string(r.Key)] = true
	}
	for p := topic.Partitions; p < grown.Partitions; p++ {
		state, err := n.store.Partition(command.TopicResume, p)
		if err != nil {
			t.Fatal(err)
		}
		moved += state.NextOffset
	}
	if moved == 0 {
		t.Error("no event went to a new partition")
	}
	waitFor(t, "the ends", consumed)
}
