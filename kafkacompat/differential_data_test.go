package kafkacompat_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

// dataDifferences are the steps about data and configurations that kfake answers
// otherwise, each with the reason.
var dataDifferences = map[string]string{
	"fetch with room for one byte in the request": leftOut,
	"fetch with room for no byte":                 leftOut,
	"fetch beyond the end":                        errorWatermark,
	"fetch from a negative offset":                errorWatermark,
	"fetch what is deleted":                       errorWatermark,
	"a partition that isn't there":                errorWatermark,
	"an error again":                              errorWatermark,
	"an offset beyond the end":                    errorWatermark,
	"delete less":                                 "a broker deletes nothing and tells where the partition begins; kfake refuses",
	"delete beyond the end":                       "a broker gives an error the low watermark -1; kfake leaves it 0",
	"delete up to a negative offset":              "the same",
	"describe what was set":                       unaskedSynonyms,
	"describe it":                                 unaskedSynonyms,
	"describe all that is set":                    unaskedSynonyms,
	"set nonsense":                                "a controller reads values, and answers INVALID_CONFIG; kfake keeps anything",
	"set what isn't there":                        "the same",
	"set nothing":                                 "a controller answers INVALID_REQUEST; kfake keeps nothing",
	"describe the list":                           "a controller appends to the default where nothing is set, and kfake to nothing; and " + unaskedSynonyms,
	"describe less of it":                         "the same",
	"append to a number":                          "a controller answers INVALID_CONFIG; kfake INVALID_REQUEST",
}

// dataBrokerDifferences are those that Apache Kafka answers otherwise.
var dataBrokerDifferences = map[string]string{
	"fetch with room for a batch and a half": "a broker cuts off the last batch where the room ends, and clients throw the part away; we send whole batches",
	"an operation that isn't there":          "a broker has UNKNOWN_SERVER_ERROR for it; INVALID_REQUEST says what is wrong",
}

const (
	leftOut         = "a broker names each partition of a full fetch, also those for which there is no room; kfake leaves them out"
	unaskedSynonyms = "a broker tells synonyms to who asks for them; kfake always"
)

// sessionRequest is a Fetch of the session that the side has, from partitions of orders at
// an offset each.
func sessionRequest(id, epoch int32, offsets map[int32]int64, forgotten ...int32) *kmsg.FetchRequest {
	r := fetchRequest("orders", 0, 0, 0)
	r.SessionID, r.SessionEpoch = id, epoch
	r.Topics[0].Partitions = nil
	for _, p := range []int32{0, 1, 2, 9} {
		offset, isAsked := offsets[p]
		if !isAsked {
			continue
		}
		one := kmsg.NewFetchRequestTopicPartition()
		one.Partition, one.FetchOffset, one.PartitionMaxBytes, one.CurrentLeaderEpoch = p, offset, 1<<20, -1
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, one)
	}
	if len(offsets) == 0 {
		r.Topics = nil
	}
	if len(forgotten) > 0 {
		r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "orders", Partitions: forgotten}}
	}
	return r
}

func batchOf(values ...string) []byte {
	var records []recordbatch.Record
	for i, value := range values {
		records = append(records, recordbatch.Record{TimestampUnixMilli: 1000 + int64(i), Value: []byte(value)})
	}
	return recordbatch.Append(nil, records, recordbatch.Options{})
}

func dataConversation() (steps []dataStep) {
	same := func(name string, request kmsg.Request) {
		steps = append(steps, dataStep{name, func(*diffSide) kmsg.Request { return request }})
	}
	inSession := func(name string, epoch int32, offsets map[int32]int64, forgotten ...int32) {
		steps = append(steps, dataStep{name, func(side *diffSide) kmsg.Request { return sessionRequest(side.session, epoch, offsets, forgotten...) }})
	}
	produce := func(name, topic string, partition int32, batch []byte) {
		r := produceRequest(-1, 9, topic, batch)
		r.Topics[0].Partitions[0].Partition = partition
		same(name, r)
	}
	for _, topic := range []string{"orders", "stamped"} {
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Version, r.TimeoutMillis = 4, 5000
		one := kmsg.NewCreateTopicsRequestTopic()
		one.Topic, one.NumPartitions, one.ReplicationFactor = topic, 3, 1
		if topic == "stamped" {
			kind := "LogAppendTime"
			one.Configs = append(one.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "message.timestamp.type", Value: &kind})
		}
		r.Topics = append(r.Topics, one)
		same("create "+topic, r)
	}

	// Batches and bounds. Each of these is 1000 bytes and more.
	large := strings.Repeat("x", 1000)
	produce("produce three records", "orders", 0, batchOf("a", "b", large))
	produce("produce two more", "orders", 0, batchOf("c", large))
	produce("produce to another partition", "orders", 1, batchOf(large))
	for _, bound := range []struct {
		name               string
		offset             int64
		partition, request int32
	}{
		{"fetch from the middle of a batch", 1, 1 << 20, 1 << 20},
		{"fetch from its last record", 2, 1 << 20, 1 << 20},
		{"fetch with room for one byte in the partition", 0, 1, 1 << 20},
		{"fetch with room for one byte in the request", 0, 1 << 20, 1},
		{"fetch with room for no byte", 0, 0, 0},
		{"fetch with room for a batch and a half", 0, 1700, 1 << 20},
	} {
		r := sessionRequest(0, -1, map[int32]int64{0: bound.offset, 1: 0})
		r.MaxBytes = bound.request
		for i := range r.Topics[0].Partitions {
			r.Topics[0].Partitions[i].PartitionMaxBytes = bound.partition
		}
		same(bound.name, r)
	}
	for name, offset := range map[string]int64{"fetch beyond the end": 6, "fetch from a negative offset": -1} {
		same(name, sessionRequest(0, -1, map[int32]int64{0: offset}))
	}
	produce("produce to a topic of append times", "stamped", 0, batchOf("a"))

	// Fetch sessions (KIP-227).
	inSession("a session of nobody", 1, map[int32]int64{0: 0})
	steps[len(steps)-1].request = func(*diffSide) kmsg.Request { return sessionRequest(12345, 1, nil) }
	inSession("a session", 0, nil)
	steps[len(steps)-1].request = func(*diffSide) kmsg.Request { return sessionRequest(0, 0, map[int32]int64{0: 5, 1: 1}) }
	inSession("nothing new", 1, nil)
	produce("produce into the session", "orders", 1, batchOf("d"))
	inSession("news of one partition", 2, nil)
	inSession("the same news", 3, nil)
	inSession("what was read", 4, map[int32]int64{1: 2})
	inSession("an epoch too late", 4, nil)
	inSession("an epoch too early", 9, nil)
	inSession("another partition", 5, map[int32]int64{2: 0})
	inSession("a partition that isn't there", 6, map[int32]int64{9: 0})
	inSession("an error again", 7, nil)
	inSession("that is forgotten", 8, nil, 9)
	inSession("and another", 9, nil, 1)
	produce("produce what nobody wants", "orders", 1, batchOf("e"))
	inSession("nothing of what is forgotten", 10, nil)
	inSession("an offset beyond the end", 11, map[int32]int64{2: 7})
	inSession("the end of the session", -1, map[int32]int64{0: 5})
	inSession("a session that has ended", 12, nil)

	// Records that are deleted.
	trim := func(name string, partition int32, offset int64) {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.Version, r.TimeoutMillis = 2, 5000
		r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "orders", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}}}}
		same(name, r)
	}
	trim("delete up to the middle of a batch", 0, 4)
	same("fetch what is left", sessionRequest(0, -1, map[int32]int64{0: 4}))
	same("fetch what is deleted", sessionRequest(0, -1, map[int32]int64{0: 3}))
	trim("delete less", 0, 2)
	trim("delete all", 0, -1)
	trim("delete beyond the end", 0, 100)
	trim("delete up to a negative offset", 0, -2)
	for name, at := range map[string]int64{"offset of the beginning": -2, "offset of a time that is deleted": 1000} {
		r := kmsg.NewPtrListOffsetsRequest()
		r.Version, r.ReplicaID = 7, -1
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Timestamp, partition.CurrentLeaderEpoch = at, -1
		r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{partition}}}
		same(name, r)
	}

	// Configurations.
	describe := func(name, topic string, configs ...string) {
		r := describeConfigsRequest(kmsg.ConfigResourceTypeTopic, topic)
		r.Version, r.Resources[0].ConfigNames = 3, configs
		same(name, r)
	}
	describe("describe what was set", "stamped", "message.timestamp.type")
	describe("describe a default", "orders", "cleanup.policy", "retention.ms")
	describe("describe what isn't there", "orders", "no.such.thing")
	alter := func(name, topic string, op kmsg.IncrementalAlterConfigOp, key string, value *string) {
		r := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r.Version = 1
		r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Op: op, Value: value}}}}
		same(name, r)
	}
	alter("set", "orders", kmsg.IncrementalAlterConfigOpSet, "retention.ms", textOf("1000000"))
	describe("describe it", "orders", "retention.ms")
	alter("set nonsense", "orders", kmsg.IncrementalAlterConfigOpSet, "retention.ms", textOf("soon"))
	alter("set what isn't there", "orders", kmsg.IncrementalAlterConfigOpSet, "no.such.thing", textOf("1"))
	alter("set nothing", "orders", kmsg.IncrementalAlterConfigOpSet, "retention.ms", nil)
	alter("append to a list", "orders", kmsg.IncrementalAlterConfigOpAppend, "cleanup.policy", textOf("compact"))
	describe("describe the list", "orders", "cleanup.policy")
	alter("subtract from it", "orders", kmsg.IncrementalAlterConfigOpSubtract, "cleanup.policy", textOf("compact"))
	describe("describe less of it", "orders", "cleanup.policy")
	alter("append to a number", "orders", kmsg.IncrementalAlterConfigOpAppend, "retention.ms", textOf("1"))
	alter("an operation that isn't there", "orders", 7, "retention.ms", textOf("1"))
	alter("set of nobody", "nobody", kmsg.IncrementalAlterConfigOpSet, "retention.ms", textOf("1"))
	alter("unset", "orders", kmsg.IncrementalAlterConfigOpDelete, "retention.ms", nil)
	describe("describe the default again", "orders", "retention.ms")
	whole := kmsg.NewPtrAlterConfigsRequest()
	whole.Version = 1
	whole.Resources = []kmsg.AlterConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "stamped", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: textOf("5")}}},
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "nobody"},
	}
	same("set all", whole)
	describe("describe all that is set", "stamped", "retention.ms", "message.timestamp.type")
	return steps
}

// The same conversation about data, sessions and configurations is held with the listener,
// with franz-go's fake cluster and with Apache Kafka.
func TestDataIsAnsweredAsByAnotherImplementation(t *testing.T) {
	s, _ := startServerOnStore(t)
	fake := startFake(t, kfake.DefaultNumPartitions(1))
	steps := dataConversation()
	ours := converse(t, dialSide(t, s.address), steps)
	compareAnswers(t, "kfake ", steps, ours, converse(t, fake, steps), dataDifferences)
	compareWithBroker(t, "data", steps, ours, dataBrokerDifferences)
}
