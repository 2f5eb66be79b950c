package kafkacompat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, claim string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", claim)
		}
		time.Sleep(time.Millisecond)
	}
}

func produceSome(t *testing.T, client *kgo.Client, topic string, partitions, count int) {
	t.Helper()
	var records []*kgo.Record
	for i := range count {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions),
			Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}},
		})
	}
	if err := client.ProduceSync(testContext(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consumeSome polls until count records came, and returns their values by
// partition and offset.
func consumeSome(t *testing.T, client *kgo.Client, count int) map[string]string {
	t.Helper()
	ctx := testContext(t)
	seen := make(map[string]string)
	for len(seen) < count {
		fetches := client.PollFetches(ctx)
		// A lost session is told to the application, and mended without it.
		var lost *kgo.ErrGroupSession
		if err := fetches.Err(); err != nil && !errors.As(err, &lost) {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = string(r.Value) })
	}
	return seen
}

func TestRecordsOfEveryCodecComeBackAsTheyWereSent(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	acks := map[string]kgo.Acks{"none": kgo.NoAck(), "leader": kgo.LeaderAck(), "all": kgo.AllISRAcks()}
	for codec, compression := range codecs {
		for how, ack := range acks {
			t.Run(codec+"/acks="+how, func(t *testing.T) {
				s := startServer(t)
				s.createTopic("orders", 2)
				options := []kgo.Opt{
					kgo.ProducerBatchCompression(compression), kgo.RequiredAcks(ack),
					kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
				}
				if how != "all" {
					options = append(options, kgo.DisableIdempotentWrite())
				}
				client := s.client(options...)
				produceSome(t, client, "orders", 2, 1000)
				for place, value := range consumeSome(t, client, 1000) {
					var partition, offset int
					fmt.Sscanf(place, "%d/%d", &partition, &offset)
					if want := fmt.Sprintf("v%d", 2*offset+partition); value != want {
						t.Fatalf("%s is %q, want %q", place, value, want)
					}
				}
			})
		}
	}
}

// franz-go can be held to what brokers of a release understood, and then speaks
// the versions of that time.
func TestClientsOfOlderKafkasWork(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{
		"0.11": kversion.V0_11_0(), "1.1": kversion.V1_1_0(), "2.0": kversion.V2_0_0(), "2.4": kversion.V2_4_0(),
		"2.8": kversion.V2_8_0(), "3.3": kversion.V3_3_0(), "3.9": kversion.V3_9_0(), "newest": kversion.Stable(),
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			s.createTopic("orders", 1)
			client := s.client(kgo.MaxVersions(versions), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
			produceSome(t, client, "orders", 1, 50)
			consumeSome(t, client, 50)
			if err := client.CommitUncommittedOffsets(testContext(t)); err != nil {
				t.Fatal(err)
			}
			offsets, err := kadm.NewClient(client).FetchOffsets(testContext(t), "g")
			if err != nil {
				t.Fatal(err)
			}
			if at := offsets["orders"][0].At; at != 50 {
				t.Errorf("committed offset is %d, want 50", at)
			}
		})
	}
}

func TestTwoMembersShareAGroup(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 4)
	producer := s.client()
	type member struct {
		client *kgo.Client
		mu     sync.Mutex
		owned  map[int32]bool
	}
	join := func() *member {
		m := &member{owned: make(map[int32]bool)}
		note := func(isOwned bool) func(context.Context, *kgo.Client, map[string][]int32) {
			return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				m.mu.Lock()
				defer m.mu.Unlock()
				for _, p := range partitions["orders"] {
					m.owned[p] = isOwned
				}
			}
		}
		m.client = s.client(kgo.ConsumerGroup("pair"), kgo.ConsumeTopics("orders"), kgo.HeartbeatInterval(50*time.Millisecond),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitMarks(), kgo.AutoCommitInterval(100*time.Millisecond),
			kgo.OnPartitionsAssigned(note(true)), kgo.OnPartitionsRevoked(note(false)), kgo.OnPartitionsLost(note(false)))
		go func() {
			for !m.client.PollFetches(context.Background()).IsClientClosed() {
			}
		}()
		return m
	}
	count := func(m *member) (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, isOwned := range m.owned {
			if isOwned {
				n++
			}
		}
		return n
	}

	first := join()
	eventually(t, "the only member has all partitions", func() bool { return count(first) == 4 })
	second := join()
	eventually(t, "both have two partitions", func() bool { return count(first) == 2 && count(second) == 2 })
	produceSome(t, producer, "orders", 4, 40)
	admin := kadm.NewClient(producer)
	described, err := admin.DescribeGroups(testContext(t), "pair")
	if err != nil || described["pair"].State != "Stable" || len(described["pair"].Members) != 2 {
		t.Errorf("described: %+v, error %v", described["pair"], err)
	}
	second.client.Close()
	eventually(t, "the one that stays has all partitions", func() bool { return count(first) == 4 })
	first.client.Close()
	eventually(t, "the group is empty", func() bool {
		listed, err := admin.ListGroups(testContext(t))
		return err == nil && listed["pair"].State == "Empty"
	})
}

func TestCommittedOffsetsAreWhereTheNextMemberBegins(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	consume := func(count int) map[string]string {
		client := s.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit(),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		defer client.Close()
		seen := consumeSome(t, client, count)
		if err := client.CommitUncommittedOffsets(testContext(t)); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	produceSome(t, s.client(), "orders", 2, 20)
	consume(20)
	produceSome(t, s.client(), "orders", 2, 6)
	for place := range consume(6) {
		if strings.HasSuffix(place, "/0") {
			t.Errorf("%s is consumed again", place)
		}
	}
	// Deleting the group forgets them.
	admin := kadm.NewClient(s.client())
	if _, err := admin.DeleteGroup(testContext(t), "g"); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteGroup(testContext(t), "g"); !errors.Is(err, kerr.GroupIDNotFound) {
		t.Errorf("deleted again: %v", err)
	}
	consume(26)
}

// The members of a group are in the leader's memory. When that is lost, they join
// again and go on from the committed offsets.
func TestMembersRejoinAfterAChangeOfLeader(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	client := s.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.HeartbeatInterval(20*time.Millisecond),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	produceSome(t, s.client(), "orders", 1, 5)
	consumeSome(t, client, 5)
	if err := client.CommitUncommittedOffsets(testContext(t)); err != nil {
		t.Fatal(err)
	}
	s.cluster.SetLeader(1)
	produceSome(t, s.client(), "orders", 1, 5)
	consumeSome(t, client, 5)
	eventually(t, "the member can commit again", func() bool {
		return client.CommitUncommittedOffsets(testContext(t)) == nil
	})
}

func TestNodeThatDoesNotLeadSaysWhoDoes(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
	s.cluster.SetLeader(2)
	ctx := testContext(t)
	client := s.client()

	produce := kmsg.NewPtrProduceRequest()
	produce.Acks, produce.TimeoutMillis = 1, 1000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "orders"
	found, _ := s.log.Topic("orders")
	topic.TopicID = found.ID
	topic.Partitions = append(topic.Partitions, kmsg.NewProduceRequestTopicPartition())
	produce.Topics = append(produce.Topics, topic)
	broker := client.Broker(1)
	response, err := broker.Request(ctx, produce)
	if err != nil {
		t.Fatal(err)
	}
	answer := response.(*kmsg.ProduceResponse)
	if p := answer.Topics[0].Partitions[0]; p.ErrorCode != kerr.NotLeaderForPartition.Code || p.CurrentLeader.LeaderID != 2 ||
		len(answer.Brokers) != 1 || answer.Brokers[0].Host != "127.0.0.2" {
		t.Errorf("produce: %+v", answer)
	}

	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{"g"}
	response, err = broker.Request(ctx, find)
	if err != nil {
		t.Fatal(err)
	}
	if c := response.(*kmsg.FindCoordinatorResponse).Coordinators[0]; c.NodeID != 2 || c.Host != "127.0.0.2" {
		t.Errorf("coordinator: %+v", c)
	}
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Group = "g"
	response, err = broker.Request(ctx, heartbeat)
	if err != nil || response.(*kmsg.HeartbeatResponse).ErrorCode != kerr.NotCoordinator.Code {
		t.Errorf("heartbeat: %+v, error %v", response, err)
	}
}

// The Java client's thread gives up upon a tag that the version of an answer doesn't have ("Tag 0 is not valid for
// version 12"), and the consumer waits for ever; it fetches in version 12 while it knows no topic ids.
func TestLeaderIsToldOnlyInVersionsThatHaveIt(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
	s.cluster.SetLeader(2)
	topic, _ := s.log.Topic("orders")
	for version := int16(4); version <= 17; version++ {
		request := fetchRequest("orders", 0, 1, 0)
		request.Version, request.Topics[0].TopicID = version, topic.ID
		answer := ask[*kmsg.FetchResponse](s.dial(), request)
		p := answer.Topics[0].Partitions[0]
		if isTold := len(answer.Brokers) == 1 && p.CurrentLeader.LeaderID == 2; p.ErrorCode != kerr.NotLeaderForPartition.Code ||
			isTold != (version >= 16) || !isTold && (len(answer.Brokers) > 0 || p.CurrentLeader.LeaderID >= 0) {
			t.Errorf("fetch, version %d: %+v", version, answer)
		}
	}
	for version := int16(3); version <= 13; version++ {
		request := produceRequest(1, version, "orders", oneBatch("v"))
		request.Topics[0].TopicID = topic.ID
		answer := ask[*kmsg.ProduceResponse](s.dial(), request)
		p := answer.Topics[0].Partitions[0]
		if isTold := len(answer.Brokers) == 1 && p.CurrentLeader.LeaderID == 2; p.ErrorCode != kerr.NotLeaderForPartition.Code ||
			isTold != (version >= 10) || !isTold && (len(answer.Brokers) > 0 || p.CurrentLeader.LeaderID >= 0) {
			t.Errorf("produce, version %d: %+v", version, answer)
		}
	}
}

func TestIdempotentProducerWritesOnceWhenItSendsTwice(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	// The first answer to each batch is lost, after the batch was appended.
	var mu sync.Mutex
	tries := make(map[string]int)
	s.log.AfterPropose(func(c command.Command) error {
		appends, ok := c.(command.AppendRecords)
		if !ok {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		id := string(appends.Appends[0].Batch[21:])
		if tries[id]++; tries[id] == 1 {
			return command.ErrUnavailable
		}
		return nil
	})
	client := s.client(kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }))
	for range 10 {
		produceSome(t, client, "orders", 1, 1)
	}
	state, err := s.log.Partition("orders", 0)
	if err != nil || state.NextOffset != 10 {
		t.Errorf("10 records end at offset %d, error %v", state.NextOffset, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(tries) != 10 {
		t.Errorf("%d batches were sent, want 10", len(tries))
	}
}

// A consumer that is not woken waits for longer than the test does.
func TestConsumerIsWokenByARecord(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	consumer := s.client(kgo.ConsumeTopics("orders"), kgo.FetchMaxWait(time.Hour),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	producer := s.client()
	for range 20 {
		eventually(t, "the consumer waits", func() bool { return s.log.Watches() == 1 })
		produceSome(t, producer, "orders", 1, 1)
		if err := consumer.PollFetches(testContext(t)).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdministrationOfTopics(t *testing.T) {
	s := startServer(t)
	admin := kadm.NewClient(s.client())
	ctx := testContext(t)
	value := "1000"
	created, err := admin.CreateTopics(ctx, 3, 1, map[string]*string{"retention.ms": &value}, "orders", "bad name", "orders2")
	if err != nil {
		t.Fatal(err)
	}
	if created["orders"].Err != nil || created["orders"].NumPartitions != 3 || created["orders2"].Err != nil {
		t.Errorf("created: %+v", created)
	}
	for name, want := range map[string]error{"bad name": kerr.InvalidTopicException} {
		if !errors.Is(created[name].Err, want) {
			t.Errorf("%q: %v, want %v", name, created[name].Err, want)
		}
	}
	for name, c := range map[string]struct {
		partitions  int32
		replication int16
		config      map[string]*string
		topic       string
		want        error
	}{
		"exists":            {1, 1, nil, "orders", kerr.TopicAlreadyExists},
		"no partitions":     {0, 1, nil, "x", kerr.InvalidPartitions},
		"too many replicas": {1, 2, nil, "x", kerr.InvalidReplicationFactor},
		"unknown config":    {1, 1, map[string]*string{"colour": &value}, "x", kerr.InvalidConfig},
		"no such policy":    {1, 1, map[string]*string{"cleanup.policy": ptr("compact,burn")}, "x", kerr.InvalidConfig},
		"tiered storage":    {1, 1, map[string]*string{"remote.storage.enable": ptr("true")}, "x", kerr.InvalidConfig},
		"no ratio":          {1, 1, map[string]*string{"min.cleanable.dirty.ratio": ptr("NaN")}, "x", kerr.InvalidConfig},
		"a level of none":   {1, 1, map[string]*string{"compression.gzip.level": ptr("0")}, "x", kerr.InvalidConfig},
		"lags that cross": {1, 1, map[string]*string{"min.compaction.lag.ms": ptr("10"), "max.compaction.lag.ms": ptr("9")},
			"x", kerr.InvalidConfig},
		"no name of a topic":  {1, 1, map[string]*string{"kont.scheduler.resume.topic": ptr("no spaces")}, "x", kerr.InvalidConfig},
		"a word for a number": {1, 1, map[string]*string{"retention.ms": ptr("week")}, "x", kerr.InvalidConfig},
	} {
		if _, err := admin.CreateTopic(ctx, c.partitions, c.replication, c.config, c.topic); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := admin.ValidateCreateTopics(ctx, 1, 1, nil, "only-validated"); err != nil {
		t.Error(err)
	}
	topics, err := admin.ListTopics(ctx)
	if err != nil || len(topics) != 2 || len(topics["orders"].Partitions) != 3 {
		t.Errorf("topics: %+v, error %v", topics, err)
	}

	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "max.message.bytes", Value: ptr("2000")},
		{Op: kadm.DeleteConfig, Name: "retention.ms"},
	}, "orders")
	if err != nil || altered[0].Err != nil {
		t.Errorf("altered: %+v, error %v", altered, err)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, c := range configs[0].Configs {
		got[c.Key] = c.MaybeValue()
	}
	if got["max.message.bytes"] != "2000" || got["retention.ms"] != "604800000" {
		t.Errorf("configs: %v", got)
	}
	altered, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.compaction.lag.ms", Value: ptr("9")}}, "orders")
	if err != nil || altered[0].Err != nil {
		t.Errorf("altered: %+v, error %v", altered, err)
	}
	altered, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.compaction.lag.ms", Value: ptr("10")}}, "orders")
	if err != nil || !errors.Is(altered[0].Err, kerr.InvalidConfig) {
		t.Errorf("a lag that crosses one that is set: %+v, error %v", altered, err)
	}
	// What was set takes effect.
	err = s.client(kgo.ProducerBatchCompression(kgo.NoCompression())).ProduceSync(ctx,
		&kgo.Record{Topic: "orders", Value: make([]byte, 3000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("3000 bytes to a topic that takes 2000: %v", err)
	}

	if deleted, err := admin.DeleteTopics(ctx, "orders", "nobody"); err != nil || deleted["orders"].Err != nil ||
		!errors.Is(deleted["nobody"].Err, kerr.UnknownTopicOrPartition) {
		t.Errorf("deleted: %+v, error %v", deleted, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestOffsetsAreFoundByTimeAndByEnd(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	client := s.client()
	ctx := testContext(t)
	for _, milli := range []int64{1000, 3000, 2000} {
		record := &kgo.Record{Topic: "orders", Value: []byte("v"), Timestamp: time.UnixMilli(milli)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteRecords(ctx, kadm.Offsets{"orders": {0: {Topic: "orders", Partition: 0, At: 1}}}); err != nil {
		t.Fatal(err)
	}
	list := func(f func(context.Context, ...string) (kadm.ListedOffsets, error)) kadm.ListedOffset {
		listed, err := f(ctx, "orders")
		if err != nil {
			t.Fatal(err)
		}
		return listed["orders"][0]
	}
	after := func(milli int64) kadm.ListedOffset {
		listed, err := admin.ListOffsetsAfterMilli(ctx, milli, "orders")
		if err != nil {
			t.Fatal(err)
		}
		return listed["orders"][0]
	}
	for name, c := range map[string]struct {
		got       kadm.ListedOffset
		offset    int64
		timestamp int64
	}{
		"start":          {list(admin.ListStartOffsets), 1, -1},
		"end":            {list(admin.ListEndOffsets), 3, -1},
		"max timestamp":  {list(admin.ListMaxTimestampOffsets), 1, 3000},
		"after 1 ms":     {after(1), 1, 3000},
		"after 2000 ms":  {after(2000), 1, 3000},
		"after a decade": {after(1 << 40), 3, -1}, // the client asks for the end then
	} {
		if c.got.Err != nil || c.got.Offset != c.offset || c.got.Timestamp != c.timestamp {
			t.Errorf("%s: %+v, want offset %d at %d", name, c.got, c.offset, c.timestamp)
		}
	}
}

func TestTopicsAreMadeOnDemandOnlyIfConfigured(t *testing.T) {
	for _, isOn := range []bool{false, true} {
		t.Run(fmt.Sprint(isOn), func(t *testing.T) {
			s := startServer(t, func(c *kafkacompat.Config) { c.AutoCreateTopics, c.TopicPartitions = isOn, 3 })
			client := s.client(kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
			err := client.ProduceSync(testContext(t), &kgo.Record{Topic: "fresh", Value: []byte("v")}).FirstErr()
			topic, exists := s.log.Topic("fresh")
			if isOn && (err != nil || topic.Partitions != 3) || !isOn && (err == nil || exists) {
				t.Errorf("produce: %v; topic %+v", err, topic)
			}
		})
	}
}

func TestAbsentGroupIsDescribedInKafkasWords(t *testing.T) {
	c := startServer(t).dial()
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Version, request.Groups = 6, []string{"nobody"}
	r := ask[*kmsg.DescribeGroupsResponse](c, request).Groups[0]
	// kafka-consumer-groups prints the message as it is.
	if r.ErrorCode != kerr.GroupIDNotFound.Code || r.ErrorMessage == nil || *r.ErrorMessage != "Group nobody not found." {
		t.Errorf("%+v", r)
	}
}
