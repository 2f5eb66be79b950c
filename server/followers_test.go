package server

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/raftlog"
	"kont/server/peers"
	"kont/statemachine/command"
)

// askNode sends a request to one node, whatever the client knows of the cluster.
func askNode[R kmsg.Response](t testing.TB, client *kgo.Client, node *Node, request kmsg.Request) R {
	t.Helper()
	response, err := client.Broker(int(node.identity.NodeID)).Request(testContext(t), request)
	if err != nil {
		t.Fatal(err)
	}
	return response.(R)
}

// Any node may be asked for what only the leader can do, as any broker of Kafka.
func TestFollowersLetTheLeaderAnswer(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	follower, client := c.follower(), c.client()
	// The client learns the addresses.
	if err := client.Ping(testContext(t)); err != nil {
		t.Fatal(err)
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "orders", 2, -1
	create.Topics = append(create.Topics, topic)
	if answer := askNode[*kmsg.CreateTopicsResponse](t, client, follower, create); answer.Topics[0].ErrorCode != 0 || answer.Topics[0].NumPartitions != 2 {
		t.Errorf("create: %+v", answer)
	}
	value := "1000"
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &value}}}}
	if answer := askNode[*kmsg.IncrementalAlterConfigsResponse](t, client, follower, alter); answer.Resources[0].ErrorCode != 0 {
		t.Errorf("alter: %+v", answer)
	}
	waitFor(t, "the configuration on the follower", func() bool {
		found, _ := follower.store.Topic("orders")
		return found.Configs["retention.ms"] == value
	})
	ids := map[int64]bool{}
	for _, node := range c.nodes {
		producer := kmsg.NewPtrInitProducerIDRequest()
		producer.ProducerID, producer.ProducerEpoch = -1, -1
		answer := askNode[*kmsg.InitProducerIDResponse](t, client, node, producer)
		if answer.ErrorCode != 0 || ids[answer.ProducerID] {
			t.Errorf("producer id: %+v", answer)
		}
		ids[answer.ProducerID] = true
	}
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	if p := askNode[*kmsg.DescribeQuorumResponse](t, client, follower, quorum).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.LeaderID != c.leader().identity.NodeID {
		t.Errorf("quorum: %+v", p)
	}
	// A topic on demand is there when the client asks again.
	name := "on-demand"
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Topics, metadata.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: &name}}, true
	waitFor(t, "the topic", func() bool {
		code := askNode[*kmsg.MetadataResponse](t, client, follower, metadata).Topics[0].ErrorCode
		if code != 0 && code != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("metadata: error %d", code)
		}
		return code == 0
	})
}

// fetchesOf counts the Fetch responses of each node that a client reads.
type fetchesOf struct {
	mu    sync.Mutex
	count map[int32]int
}

func (f *fetchesOf) OnBrokerRead(meta kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == 1 && err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.count[meta.NodeID]++
	}
}

func (f *fetchesOf) take() map[int32]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.count
	f.count = map[int32]int{}
	return taken
}

// A consumer reads from the follower of its rack, and loses nothing when that goes, comes back, or has to lead.
func TestConsumersReadFromTheFollowerOfTheirRack(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3, func(s *Config) { s.Cluster.Rack = fmt.Sprint("rack-", s.Cluster.NodeID) })
	near := c.follower().identity.NodeID
	waitFor(t, "the follower in sync", func() bool { return len(c.leader().cluster.ReadReplicas(fmt.Sprint("rack-", near))) == 1 })
	fetches := &fetchesOf{count: map[int32]int{}}
	producer := c.client(kgo.AllowAutoTopicCreation())
	consumer := c.client(kgo.Rack(fmt.Sprint("rack-", near)), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.UnknownTopicRetries(-1), kgo.WithHooks(fetches), kgo.FetchMaxWait(200*time.Millisecond), kgo.RecheckPreferredReplicaInterval(500*time.Millisecond))
	sent, got := 0, 0
	exchange := func(count int) {
		t.Helper()
		for range count {
			produce(t, producer, "orders", "k", fmt.Sprint(sent))
			sent++
		}
		ctx, cancel := context.WithTimeout(testContext(t), 30*time.Second)
		defer cancel()
		for got < sent {
			polled := consumer.PollFetches(ctx)
			if err := polled.Err0(); err != nil {
				t.Fatalf("%d of %d records: %v", got, sent, err)
			}
			for _, r := range polled.Records() {
				if want := fmt.Sprint(got); string(r.Value) != want {
					t.Fatalf("record %q, want %q", r.Value, want)
				}
				got++
			}
		}
	}
	readsFrom := func(node int32) {
		t.Helper()
		waitFor(t, fmt.Sprintf("reads from node %d alone", node), func() bool {
			fetches.take()
			exchange(3)
			taken := fetches.take()
			return len(taken) == 1 && taken[node] > 0
		})
	}
	readsFrom(near)
	// While it is away, the leader serves.
	c.stop(near)
	exchange(3)
	c.start(near)
	readsFrom(near)
	// It has to lead: then it serves as the leader.
	name := peers.NameOf(near)
	if err := c.leader().raft.TransferLeadership(testContext(t), raftlog.Member{ID: name, Address: c.configs[near].Cluster.RaftAddr}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to lead", func() bool { return c.leader().identity.NodeID == near })
	exchange(3)
	readsFrom(near)
	c.stop(near)
	exchange(3)
	c.start(near)
	readsFrom(near)
	for _, member := range c.leader().cluster.Quorum().Voters {
		if member.EndIndex < 0 || member.LastFetchUnixMilli < 0 || member.LastCaughtUpUnixMilli < 0 {
			t.Errorf("the quorum knows of node %d: %+v", member.NodeID, member)
		}
	}
}

// A client that has made a topic asks any node for it, at once. Clients of other makers take it for missing then: they were
// written for brokers that learn of it within a millisecond or two.
func TestTopicIsKnownToOthersWhenItsMakerIsToldSo(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	client := c.client()
	known := 0
	const topics = 20
	for i := range topics {
		name := fmt.Sprint("topic-", i)
		if _, err := kadm.NewClient(client).CreateTopic(testContext(t), 1, -1, nil, name); err != nil {
			t.Fatal(err)
		}
		for _, node := range c.nodes {
			if _, isThere := node.store.Topic(name); isThere && node != c.leader() {
				known++
			}
		}
	}
	// One of the two others is enough for a majority, and either may take its time to apply what it has.
	if known < topics/2 {
		t.Errorf("of %d topics followers knew %d in time", topics, known)
	}
}

// A machine that is off refuses no connection, so each client that hears of its node waits for it in vain.
func TestClientsOfAnyNodeHearNothingOfOneThatIsAway(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3, func(settings *Config) { settings.BrokerSessionTimeout = 100 * time.Millisecond })
	tell := func() (told [][]int32) {
		for _, node := range c.nodes {
			var ids []int32
			for _, broker := range node.cluster.Brokers("PLAINTEXT") {
				if !broker.IsFenced {
					ids = append(ids, broker.NodeID)
				}
			}
			told = append(told, ids)
		}
		return told
	}
	all := []int32{1, 2, 3}
	waitFor(t, "all nodes to be told of", func() bool {
		told := tell()
		return len(told) == 3 && !slices.ContainsFunc(told, func(ids []int32) bool { return !slices.Equal(ids, all) })
	})
	away := c.follower().identity.NodeID
	c.stop(away)
	waitFor(t, "two nodes to tell of two", func() bool {
		told := tell()
		return len(told) == 2 && !slices.ContainsFunc(told, func(ids []int32) bool { return len(ids) != 2 || slices.Contains(ids, away) })
	})
	c.start(away)
	waitFor(t, "it to be told of again", func() bool {
		return !slices.ContainsFunc(tell(), func(ids []int32) bool { return !slices.Equal(ids, all) })
	})
}

// hangingLog keeps what is proposed until it may go on.
type hangingLog struct {
	kafkacompat.Log
	arrived, goOn chan struct{}
}

func (l hangingLog) Propose(context.Context, command.Command) (command.Result, error) {
	l.arrived <- struct{}{}
	<-l.goOn
	return nil, command.ErrNotLeader
}

// What a Kafka client has asked for through a leader that hangs is over when another one leads, and that one doesn't do it again.
func TestRequestSentToALeaderThatHangsEndsWithItsLeadership(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower()
	log := hangingLog{storeForKafka{leader.store, leader.proposer}, make(chan struct{}), make(chan struct{})}
	hangs, err := kafkacompat.New(kafkacompat.Config{Log: log, Cluster: leader.cluster, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	defer close(log.goOn)
	leader.kafkaForwarded.Store(hangs)
	client := c.client()
	if err := client.Ping(testContext(t)); err != nil { // it learns the addresses
		t.Fatal(err)
	}
	var deposing sync.WaitGroup
	deposing.Go(func() {
		<-log.arrived
		if err := leader.raft.TransferLeadership(testContext(t), raftlog.Member{}); err != nil {
			t.Error(err)
		}
	})
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "orders", 1, -1
	create.Topics = append(create.Topics, topic)
	began := time.Now()
	answer := askNode[*kmsg.CreateTopicsResponse](t, client, follower, create)
	if code, took := answer.Topics[0].ErrorCode, time.Since(began); code != kerr.RequestTimedOut.Code || took > 20*time.Second {
		t.Errorf("%v after %v", kerr.ErrorForCode(code), took)
	}
	deposing.Wait()
	if _, exists := follower.store.Topic("orders"); exists {
		t.Error("the request was done after all")
	}
}
