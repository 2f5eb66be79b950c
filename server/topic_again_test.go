package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"kont/jsvm"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// makeAgain deletes a topic and makes it again.
func makeAgain(t *testing.T, n *Node, topic string, partitions int32) {
	t.Helper()
	admin := kadm.NewClient(newClient(t, n))
	if _, err := admin.DeleteTopics(testContext(t), topic); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(testContext(t), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// A group commits on and on while its topic is deleted and made again. What it
// committed for the old topic is gone at once; what it commits by name afterwards is
// for the new one, as on a Kafka broker. Positions in the old topic are refused by
// the new one, by its id or because it is shorter.
func TestOffsetsAndPositionsOfADeletedTopicAreGone(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	client := newClient(t, n)
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(testContext(t), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		produce(t, client, "orders", "k", fmt.Sprint(i))
	}
	old, _ := n.store.Topic("orders")
	offsets := kadm.Offsets{}
	offsets.AddOffset("orders", 0, 10, -1)

	ctx, stop := context.WithCancel(testContext(t))
	var committing sync.WaitGroup
	committing.Go(func() {
		for ctx.Err() == nil {
			_, _ = admin.CommitOffsets(ctx, "busy", offsets)
		}
	})
	if responses, err := admin.CommitOffsets(testContext(t), "quiet", offsets); err != nil || responses.Error() != nil {
		t.Fatal(err, responses.Error())
	}
	makeAgain(t, n, "orders", 1)
	if fetched, err := admin.FetchOffsets(testContext(t), "quiet"); err != nil || len(fetched) > 0 {
		t.Errorf("the quiet group has %v, %v", fetched, err)
	}
	stop()
	committing.Wait()

	fetch := func(version int16) int16 {
		versions := kversion.Stable()
		versions.SetMaxKeyVersion(int16(kmsg.Fetch), version)
		client := newClient(t, n, kgo.MaxVersions(versions))
		request := kmsg.NewPtrFetchRequest()
		request.MaxBytes = 1 << 20
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic, topic.TopicID = "orders", old.ID
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.FetchOffset, partition.PartitionMaxBytes = 10, 1<<20
		topic.Partitions = append(topic.Partitions, partition)
		request.Topics = append(request.Topics, topic)
		response, err := request.RequestWith(testContext(t), client)
		if err != nil {
			t.Fatal(err)
		}
		if response.ErrorCode != 0 {
			return response.ErrorCode
		}
		return response.Topics[0].Partitions[0].ErrorCode
	}
	if code := fetch(13); code != kerr.UnknownTopicID.Code {
		t.Errorf("fetch by the old id: error %d, want UNKNOWN_TOPIC_ID", code)
	}
	if code := fetch(12); code != kerr.OffsetOutOfRange.Code {
		t.Errorf("fetch by name at the old position: error %d, want OFFSET_OUT_OF_RANGE", code)
	}
}

// gated is a puppet whose steps wait at a gate.
type gated struct {
	puppet
	entered chan struct{}
	gate    chan struct{}
}

func (g *gated) Load([]byte) (runner.Program, error) { return g, nil }

func (g *gated) Step(ctx context.Context, in jsvm.Input) (jsvm.Effects, error) {
	g.entered <- struct{}{}
	select {
	case <-g.gate:
		return g.puppet.Step(ctx, in)
	case <-ctx.Done():
		return jsvm.Effects{}, ctx.Err()
	}
}

// The resume topic goes while a step runs: what the step did is dropped, and the
// runner begins with the new topic's first event.
func TestResumeTopicThatIsMadeAgainIsReadFromItsBeginning(t *testing.T) {
	engine := &gated{entered: make(chan struct{}, 100), gate: make(chan struct{})}
	c := testConfig(t.TempDir())
	c.Engine = engine
	n := startNode(t, c)
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "a", `new:"end old"`)
	<-engine.entered
	makeAgain(t, n, command.TopicResume, n.config.ResumePartitions)
	fresh := newClient(t, n) // the other one knows the old topic
	for _, key := range []string{"a", "b", "c"} {
		produce(t, fresh, command.TopicResume, key, `new:"end new"`)
	}
	close(engine.gate)
	for _, record := range consume(t, n, command.TopicResult, 3) {
		if string(record.Value) != "end new;" {
			t.Errorf("%s left %q", record.Key, record.Value)
		}
	}
	if count := recordCount(t, n, command.TopicResult); count != 3 {
		t.Errorf("%d results, want 3", count)
	}
}

// An output topic goes while a step that writes to it runs: the thread is faulted and
// names it. A topic of the same name made meanwhile takes the output.
func TestOutputToATopicThatGoesDuringTheStepIsAFault(t *testing.T) {
	for name, isMadeAgain := range map[string]bool{"gone": false, "made again": true} {
		t.Run(name, func(t *testing.T) {
			engine := &gated{entered: make(chan struct{}, 100), gate: make(chan struct{})}
			c := testConfig(t.TempDir())
			c.Engine = engine
			n := startNode(t, c)
			deployPuppet(t, n)
			produce(t, newClient(t, n), command.TopicResume, "a", `new:"end"`)
			<-engine.entered
			if isMadeAgain {
				makeAgain(t, n, command.TopicResult, 1)
			} else if _, err := kadm.NewClient(newClient(t, n)).DeleteTopics(testContext(t), command.TopicResult); err != nil {
				t.Fatal(err)
			}
			close(engine.gate)
			if isMadeAgain {
				consume(t, n, command.TopicResult, 1)
				return
			}
			var fault string
			waitFor(t, "the fault", func() bool {
				thread, err := n.Thread(t.Context(), command.TopicResume, "a")
				if err != nil && !errors.Is(err, command.ErrUnknownThread) {
					t.Fatal(err)
				}
				fault = thread.Fault
				return fault != ""
			})
			if want := `output to topic "workflow-result": no such topic; declare it in manifest.outputTopics`; fault != want {
				t.Errorf("fault %q, want %q", fault, want)
			}
		})
	}
}
