package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/server/api"
)

// askHTTP is the status of an answer of a node, and the error in it.
func askHTTP(t *testing.T, node *Node, path string) (status int, refusal api.Error) {
	t.Helper()
	response, err := http.Get("http://" + node.HTTPAddress() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil {
			t.Errorf("GET %s: %d, %v", path, response.StatusCode, err)
		}
	}
	return response.StatusCode, refusal
}

// A node that takes itself for the leader, and may have been deposed, answers with nothing that may lack what the next leader acknowledged.
func TestLeaderThatIsCutOffAnswersNoRead(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	admin := kadm.NewClient(c.client())
	if _, err := admin.CreateTopic(testContext(t), 1, -1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 0, 7, -1)
	// A follower that does not know the topic yet may tell the client of its id.
	waitFor(t, "the commit", func() bool { return admin.CommitAllOffsets(testContext(t), "g", offsets) == nil })
	leader := c.leader()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.configs[leader.identity.NodeID].KafkaListen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	fetch := func() error {
		request := kmsg.NewPtrOffsetFetchRequest()
		request.Version = 8
		group := kmsg.NewOffsetFetchRequestGroup()
		group.Group = "g"
		request.Groups = append(request.Groups, group)
		response, err := client.SeedBrokers()[0].Request(testContext(t), request)
		if err != nil {
			t.Fatal(err)
		}
		answer := response.(*kmsg.OffsetFetchResponse).Groups[0]
		if answer.ErrorCode == 0 && (len(answer.Topics) != 1 || answer.Topics[0].Partitions[0].Offset != 7) {
			t.Errorf("it answers %+v", answer)
		}
		return kerr.ErrorForCode(answer.ErrorCode)
	}
	if err := fetch(); err != nil {
		t.Errorf("committed offsets: %v", err)
	}
	if status, refusal := askHTTP(t, leader, "/api/v1/topics"); status != http.StatusOK {
		t.Errorf("topics: %d %+v", status, refusal)
	}

	var closing sync.WaitGroup
	for _, node := range c.nodes {
		if node != leader {
			closing.Go(func() {
				if err := node.raft.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	closing.Wait()
	if err := fetch(); !errors.Is(err, kerr.NotCoordinator) {
		t.Errorf("committed offsets of one who is alone: %v", err)
	}
	if status, refusal := askHTTP(t, leader, "/api/v1/topics"); status != http.StatusServiceUnavailable || refusal.Code != "not_leader" {
		t.Errorf("topics of one who is alone: %d %+v", status, refusal)
	}
	for _, path := range []string{"/api/v1/status", "/api/v1/cluster"} {
		if status, refusal := askHTTP(t, leader, path); status != http.StatusOK {
			t.Errorf("%s: %d %+v", path, status, refusal)
		}
	}
	// One that has stopped knows less and less.
	for _, node := range c.nodes {
		if node == leader {
			continue
		}
		if status, refusal := askHTTP(t, node, "/api/v1/topics"); status != http.StatusServiceUnavailable || refusal.Code != "unavailable" {
			t.Errorf("topics of one that has stopped: %d %+v", status, refusal)
		}
	}
}
