package server

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"kont/statemachine"
	"kont/statemachine/command"
)

// A node without room for a topic that it needs starts, or nobody could delete another one.
func TestNodeWithoutRoomForItsTopicsLeads(t *testing.T) {
	settings := testConfig(t.TempDir())
	n := startNode(t, settings)
	if _, err := n.proposer.Propose(t.Context(), command.DeleteTopics{Names: []string{command.TopicError}}); err != nil {
		t.Fatal(err)
	}
	for made := len(n.store.Topics()); made < statemachine.TopicsMax; {
		var topics []command.Topic
		for range min(500, statemachine.TopicsMax-made) {
			made++
			topics = append(topics, newTopic(fmt.Sprint("other-", made), 1))
		}
		if err := n.createTopics(t.Context(), topics); err != nil {
			t.Fatal(err)
		}
	}
	for _, isThere := range []bool{false, true} {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n = startNode(t, settings)
		if n.store.HasTopic(command.TopicError) != isThere {
			t.Errorf("it has the topic: %v", !isThere)
		}
		name := fmt.Sprint("other-", statemachine.TopicsMax)
		if _, err := kadm.NewClient(newClient(t, n)).DeleteTopic(testContext(t), name); err != nil && !isThere {
			t.Fatal(err)
		}
	}
}
