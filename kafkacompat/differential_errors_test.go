package kafkacompat_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

const groupOrder = "a broker tells of groups that can't be first; the order of answers means nothing"

// errorDifferences are the steps about records and offsets that Apache Kafka answers
// otherwise, each with the reason.
var errorDifferences = map[string]string{
	"no batch":                         "a broker closes the connection upon records that are null; we say what is wrong",
	"format 3":                         "a broker calls it corrupt, and clients send what is corrupt again; no format 3 becomes readable by that",
	"an unknown compression":           "a broker knows no better than UNKNOWN_SERVER_ERROR",
	"compressed nonsense":              "a broker knows no better than UNKNOWN_SERVER_ERROR",
	"a negative epoch":                 "a broker takes it for an old epoch; the batch contradicts itself, as it has a producer",
	"the session and a new unknown id": "the partitions of a session are read in another order, the one that had no records longest first",
	"fetch with negative room":         "a broker fails with UNKNOWN_SERVER_ERROR; to us it is no room, and the first batch is delivered whatever its size",
	"fetch by an unknown isolation":    "a broker fails with UNKNOWN_SERVER_ERROR; to us whatever is not committed is uncommitted",
	"fetch as a replica":               "a broker looks for the replica among those of the partition; we have no such replicas, and look at nothing but what a client may read",
	"fetch after epoch 5":              "a broker compares the last epoch that a replica has read with its own; consumers don't tell theirs",
	"describe a group of commits":      groupOrder, "describe a group of commits by the new request": groupOrder,
	"delete a group twice": "a group whose only offset was deleted is there on a broker until it looks for what has expired, and gone at once here",
}

// What producers and consumers do wrong is answered as by Apache Kafka.
func TestErrorsAreAsByABroker(t *testing.T) {
	s, _ := startServerOnStore(t)
	steps := errorConversation()
	compareWithBroker(t, "errors", steps, converse(t, dialSide(t, s.address), steps), errorDifferences)
}

// resealed is a batch with some bytes changed and the checksum right.
func resealed(batch []byte, change func([]byte)) []byte {
	batch = append([]byte(nil), batch...)
	change(batch)
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	return batch
}

func errorConversation() (steps []dataStep) {
	of := func(name string, request func(*diffSide) kmsg.Request) {
		steps = append(steps, dataStep{name, request})
	}
	say := func(name string, request kmsg.Request) { of(name, func(*diffSide) kmsg.Request { return request }) }
	for i, name := range []string{"find a coordinator of groups", "find a coordinator of transactions"} {
		of(name, findRequest(int8(i)))
	}
	topic := func(name string, keysAndValues ...string) kmsg.CreateTopicsRequestTopic {
		// Records of other times would be in other segments, at each of which a broker's Fetch ends.
		one := kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 2, ReplicationFactor: 1}
		keysAndValues = append(keysAndValues, "segment.ms", "9223372036854775807", "retention.ms", "-1")
		for i := 0; i < len(keysAndValues); i += 2 {
			one.Configs = append(one.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: keysAndValues[i], Value: &keysAndValues[i+1]})
		}
		return one
	}
	say("create", with(kmsg.NewPtrCreateTopicsRequest(), 4, func(r *kmsg.CreateTopicsRequest) {
		r.TimeoutMillis = 10_000
		r.Topics = []kmsg.CreateTopicsRequestTopic{topic("orders"), topic("small", "max.message.bytes", "500"), topic("compacted", "cleanup.policy", "compact"),
			topic("recent", "message.timestamp.before.max.ms", "3600000"), topic("stamped", "message.timestamp.type", "LogAppendTime"),
			topic("zipped", "compression.type", "gzip"), topic("safe", "min.insync.replicas", "2")}
	}))
	names := []string{"orders", "small", "compacted", "recent", "stamped", "zipped", "safe"}
	say("metadata", with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) {
		for i := range names {
			r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &names[i]})
		}
	}))

	// Produce.
	produce := func(name string, version int16, topic string, batch []byte) {
		say(name, produceRequest(-1, version, topic, batch))
	}
	one := oneBatch("a")
	produce("a good batch", 9, "orders", one)
	produce("a good batch of old", 3, "orders", one)
	produce("no batch", 9, "orders", nil)
	produce("an empty batch", 9, "orders", []byte{})
	produce("two batches", 9, "orders", append(append([]byte(nil), one...), one...))
	produce("half a batch", 9, "orders", one[:40])
	produce("a torn length", 9, "orders", one[:len(one)-1])
	produce("bytes behind a batch", 9, "orders", append(append([]byte(nil), one...), 1, 2, 3))
	produce("format 0", 9, "orders", resealed(one, func(b []byte) { b[16] = 0 }))
	produce("format 1", 9, "orders", resealed(one, func(b []byte) { b[16] = 1 }))
	produce("format 3", 9, "orders", resealed(one, func(b []byte) { b[16] = 3 }))
	produce("an offset to begin with", 9, "orders", resealed(one, func(b []byte) { b[7] = 9 }))
	produce("a leader epoch to begin with", 9, "orders", resealed(one, func(b []byte) { b[15] = 9 }))
	produce("a wrong last offset", 9, "orders", resealed(one, func(b []byte) { b[26] = 5 }))
	produce("a wrong count", 9, "orders", resealed(one, func(b []byte) { b[60] = 5 }))
	produce("no records", 9, "orders", resealed(one, func(b []byte) { b[60] = 0 }))
	produce("a control batch", 9, "orders", resealed(one, func(b []byte) { b[22] |= 0x20 }))
	produce("a transactional batch of nobody", 9, "orders", resealed(one, func(b []byte) { b[22] |= 0x10 }))
	produce("a transactional batch of nobody, of new", 12, "orders", resealed(one, func(b []byte) { b[22] |= 0x10 }))
	produce("an unknown compression", 9, "orders", resealed(one, func(b []byte) { b[22] |= 5 }))
	produce("compressed nonsense", 9, "orders", resealed(one, func(b []byte) { b[22] |= 1 }))
	produce("append time by a client", 9, "orders", resealed(one, func(b []byte) { b[22] |= 8 }))
	produce("a delete horizon by a client", 9, "orders", resealed(one, func(b []byte) { b[22] |= 0x40 }))
	produce("a wrong max timestamp", 9, "orders", resealed(one, func(b []byte) { b[42] = 1 }))
	zstd := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte("z")}}, recordbatch.Options{Codec: recordbatch.CodecZstd})
	produce("zstd of old", 6, "orders", zstd)
	produce("zstd", 7, "orders", zstd)
	large := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte(strings.Repeat("x", 1000))}}, recordbatch.Options{})
	produce("too large", 10, "small", large)
	packed := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte(strings.Repeat("x", 1000))}}, recordbatch.Options{Codec: recordbatch.CodecGzip})
	produce("too large but for its compression", 10, "small", packed)
	produce("no key to a compacted topic", 9, "compacted", one)
	produce("no key among keys to a compacted topic", 9, "compacted", recordbatch.Append(nil, []recordbatch.Record{
		{TimestampUnixMilli: 1000, Key: []byte("k"), Value: []byte("a")}, {TimestampUnixMilli: 1000, Value: []byte("b")}, {TimestampUnixMilli: 1000, Value: []byte("c")}}, recordbatch.Options{}))
	produce("no key to a compacted topic, of old", 7, "compacted", one)
	produce("too old", 9, "recent", one)
	of("too young", func(*diffSide) kmsg.Request {
		return produceRequest(-1, 9, "orders", recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: time.Now().Add(2 * time.Hour).UnixMilli(), Value: []byte("a")}}, recordbatch.Options{}))
	})
	of("too young among good ones", func(*diffSide) kmsg.Request {
		return produceRequest(-1, 9, "orders", recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte("a")},
			{TimestampUnixMilli: time.Now().Add(2 * time.Hour).UnixMilli(), Value: []byte("a")}}, recordbatch.Options{}))
	})
	produce("no timestamp", 9, "orders", recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: -1, Value: []byte("a")}}, recordbatch.Options{}))
	produce("too old to a topic of append times", 9, "stamped", one)
	produce("to a topic with another compression", 9, "zipped", one)
	produce("with too few replicas", 9, "safe", one)
	say("with too few replicas, by a client that doesn't mind", produceRequest(1, 9, "safe", one))
	say("acks=2", produceRequest(2, 9, "orders", one))
	produce("to a bad name", 9, "a/b", one)
	produce("to an internal topic", 9, "__consumer_offsets", one)
	for _, id := range []string{"orders", "nobody"} {
		of("by the id of "+id, func(side *diffSide) kmsg.Request {
			r := produceRequest(-1, 13, "", one)
			if r.Topics[0].TopicID = side.topics[id]; id == "nobody" {
				r.Topics[0].TopicID = [16]byte{1, 2, 3}
			}
			return r
		})
	}
	say("one partition good, one not there, one bad", with(produceRequest(-1, 9, "orders", one), 9, func(r *kmsg.ProduceRequest) {
		p := r.Topics[0].Partitions[0]
		p.Partition = 7
		q := p
		q.Partition, q.Records = 1, one[:40]
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, p, q)
	}))

	// Idempotent producers.
	of("a producer id", func(*diffSide) kmsg.Request {
		return with(kmsg.NewPtrInitProducerIDRequest(), 4, func(*kmsg.InitProducerIDRequest) {})
	})
	numbered := func(name string, epoch int16, sequence int32, count int) {
		of(name, func(side *diffSide) kmsg.Request {
			records := make([]recordbatch.Record, count)
			for i := range records {
				records[i] = recordbatch.Record{TimestampUnixMilli: 1000, Value: []byte("i")}
			}
			return produceRequest(-1, 9, "orders", recordbatch.Append(nil, records, recordbatch.Options{Producer: &recordbatch.Producer{ID: side.producer, Epoch: epoch, BaseSequence: sequence}}))
		})
	}
	numbered("sequence 3 to begin with", 0, 3, 1)
	numbered("sequence 0", 0, 0, 2)
	numbered("sequence 0 again", 0, 0, 2)
	numbered("sequence 0 with less", 0, 0, 1)
	numbered("sequence 1", 0, 1, 1)
	numbered("a gap", 0, 9, 1)
	for i := range int32(6) {
		numbered(fmt.Sprintf("sequence %d", 2+i), 0, 2+i, 1)
	}
	numbered("a repeat of long ago", 0, 0, 2)
	numbered("a repeat of the fifth", 0, 3, 1)
	numbered("another epoch with a gap", 1, 5, 1)
	numbered("another epoch", 1, 0, 1)
	numbered("the epoch before", 0, 8, 1)
	numbered("no sequence", 1, -1, 1)
	numbered("a negative epoch", -1, 0, 1)
	of("producers", func(*diffSide) kmsg.Request {
		return with(kmsg.NewPtrDescribeProducersRequest(), 0, func(r *kmsg.DescribeProducersRequest) {
			r.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "orders", Partitions: []int32{0, 1, 9}}, {Topic: "nobody", Partitions: []int32{0}}}
		})
	})

	// Fetch.
	byID := func(name string, version int16, session int32, epoch int32, ids func(*diffSide) [][16]byte) {
		of(name, func(side *diffSide) kmsg.Request {
			r := fetchRequest("", 0, 0, 0)
			r.Version, r.SessionEpoch = version, epoch
			if r.SessionID = session; session < 0 {
				r.SessionID = side.session
			}
			partition := r.Topics[0].Partitions
			r.Topics = nil
			for _, id := range ids(side) {
				r.Topics = append(r.Topics, kmsg.FetchRequestTopic{TopicID: id, Partitions: partition})
			}
			return r
		})
	}
	idsOf := func(named ...string) func(*diffSide) [][16]byte {
		return func(side *diffSide) (ids [][16]byte) {
			for _, name := range named {
				switch name {
				case "nobody":
					ids = append(ids, [16]byte{1, 2, 3})
				default:
					ids = append(ids, side.topics[name])
				}
			}
			return ids
		}
	}
	byID("fetch by id", 13, 0, -1, idsOf("small"))
	byID("fetch by an unknown id", 13, 0, -1, idsOf("nobody"))
	byID("fetch by no id", 13, 0, -1, idsOf(""))
	byID("fetch by both", 16, 0, -1, idsOf("small", "nobody"))
	byID("fetch of version 18", 18, 0, -1, idsOf("small"))
	byID("a session by ids", 13, 0, 0, idsOf("small", "nobody"))
	byID("the session goes on", 13, -1, 1, idsOf())
	byID("the session and a new unknown id", 13, -1, 2, func(*diffSide) [][16]byte { return [][16]byte{{3, 2, 1}} })
	of("the session by name", func(side *diffSide) kmsg.Request {
		r := fetchRequest("small", 0, 0, 0)
		r.SessionID, r.SessionEpoch = side.session, 3
		return r
	})
	of("the session ends", func(side *diffSide) kmsg.Request {
		r := fetchRequest("small", 0, 0, 0)
		r.Version, r.Topics = 13, nil
		r.SessionID, r.SessionEpoch = side.session, -1
		return r
	})
	fetch := func(name, topic string, version int16, change func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition)) {
		say(name, with(fetchRequest(topic, 0, 0, 0), version, func(r *kmsg.FetchRequest) { change(r, &r.Topics[0].Partitions[0]) }))
	}
	fetch("fetch of version 4", "orders", 4, func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition) {})
	fetch("fetch what is stamped", "stamped", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {})
	fetch("fetch what isn't there", "orders", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = 9 })
	fetch("fetch a negative partition", "orders", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = -1 })
	fetch("fetch of a bad name", "a/b", 12, func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition) {})
	fetch("fetch with negative room", "orders", 12, func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
		r.MaxBytes, p.PartitionMaxBytes = -1, -1
	})
	fetch("fetch by an unknown isolation", "orders", 12, func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.IsolationLevel = 7 })
	fetch("fetch zstd of old", "orders", 9, func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {})
	fetch("fetch as a replica", "small", 12, func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.ReplicaID = 5 })
	for _, epoch := range []int32{0, 5} {
		fetch(fmt.Sprintf("fetch after epoch %d", epoch), "small", 12, func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LastFetchedEpoch = epoch })
	}

	// ListOffsets.
	for _, version := range []int16{1, 4, 7, 8, 9, 10, 11} {
		for _, at := range []int64{-1, -2, -3, -4, -5, -6, -7, 1 << 60} {
			say(fmt.Sprintf("offset at %d by version %d", at, version), with(kmsg.NewPtrListOffsetsRequest(), version, func(r *kmsg.ListOffsetsRequest) {
				r.ReplicaID = -1
				p := kmsg.NewListOffsetsRequestTopicPartition()
				p.Timestamp, p.CurrentLeaderEpoch = at, -1
				r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
			}))
		}
	}
	say("offsets of one partition twice", with(kmsg.NewPtrListOffsetsRequest(), 7, func(r *kmsg.ListOffsetsRequest) {
		r.ReplicaID = -1
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Timestamp, p.CurrentLeaderEpoch = -1, -1
		r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p, p}}}
	}))
	say("offset of a partition that isn't there", with(kmsg.NewPtrListOffsetsRequest(), 7, func(r *kmsg.ListOffsetsRequest) {
		r.ReplicaID = -1
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp, p.CurrentLeaderEpoch = 9, -1, -1
		r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
	}))
	epochs := func(name string, partition, epoch, current int32) {
		say(name, with(kmsg.NewPtrOffsetForLeaderEpochRequest(), 4, func(r *kmsg.OffsetForLeaderEpochRequest) {
			r.ReplicaID = -1
			r.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{Partition: partition, LeaderEpoch: epoch, CurrentLeaderEpoch: current}}}}
		}))
	}
	epochs("end of a negative epoch", 0, -1, -1)
	epochs("end of an epoch to come", 0, 1000, -1)
	epochs("end of an epoch, in one to come", 0, 0, 1000)
	epochs("end of an epoch of a partition that isn't there", 9, 0, -1)
	epochs("end of an epoch of an empty partition", 1, 1000, -1)

	// Offsets of groups.
	commit := func(name string, version int16, change func(*diffSide, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitRequestTopicPartition)) {
		of(name, func(side *diffSide) kmsg.Request {
			return with(kmsg.NewPtrOffsetCommitRequest(), version, func(r *kmsg.OffsetCommitRequest) {
				r.Group, r.Generation = "g", -1
				p := kmsg.NewOffsetCommitRequestTopicPartition()
				p.Offset, p.Metadata = 1, textOf("")
				r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", TopicID: side.topics["orders"], Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
				change(side, r, &r.Topics[0].Partitions[0])
			})
		})
	}
	type request = kmsg.OffsetCommitRequest
	type partition = kmsg.OffsetCommitRequestTopicPartition
	commit("commit", 8, func(_ *diffSide, _ *request, p *partition) { p.LeaderEpoch = 0 })
	commit("commit to nobody", 8, func(_ *diffSide, r *request, _ *partition) { r.Topics[0].Topic = "nobody" })
	commit("commit to a partition that isn't there", 8, func(_ *diffSide, _ *request, p *partition) { p.Partition = 9 })
	commit("commit to a negative partition", 8, func(_ *diffSide, _ *request, p *partition) { p.Partition = -1 })
	commit("commit a negative offset", 8, func(_ *diffSide, _ *request, p *partition) { p.Offset = -5 })
	commit("commit much metadata", 8, func(_ *diffSide, _ *request, p *partition) { p.Metadata = textOf(strings.Repeat("m", 4097)) })
	commit("commit as an unknown member", 8, func(_ *diffSide, r *request, _ *partition) { r.MemberID = "me" })
	commit("commit of no group", 8, func(_ *diffSide, r *request, _ *partition) { r.Group = "" })
	commit("commit of an instance", 8, func(_ *diffSide, r *request, _ *partition) { r.InstanceID = textOf("i") })
	commit("commit by id", 10, func(*diffSide, *request, *partition) {})
	commit("commit by an unknown id", 10, func(_ *diffSide, r *request, _ *partition) { r.Topics[0].TopicID = [16]byte{1, 2, 3} })
	committed := func(name string, version int16, group string, topics ...kmsg.OffsetFetchRequestGroupTopic) {
		say(name, with(kmsg.NewPtrOffsetFetchRequest(), version, func(r *kmsg.OffsetFetchRequest) {
			one := kmsg.NewOffsetFetchRequestGroup()
			one.Group, one.Topics = group, topics
			r.Groups = []kmsg.OffsetFetchRequestGroup{one}
		}))
	}
	committed("committed offsets of all", 8, "g")
	committed("committed offsets", 8, "g", kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", Partitions: []int32{0, 9, -1}}, kmsg.OffsetFetchRequestGroupTopic{Topic: "nobody", Partitions: []int32{0}})
	committed("committed offsets of nobody", 8, "nobody", kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", Partitions: []int32{0}})
	committed("committed offsets by an unknown id", 10, "g", kmsg.OffsetFetchRequestGroupTopic{TopicID: [16]byte{1, 2, 3}, Partitions: []int32{0}})
	drop := func(name string, groups ...string) {
		say(name, with(kmsg.NewPtrDeleteGroupsRequest(), 2, func(r *kmsg.DeleteGroupsRequest) { r.Groups = groups }))
	}
	list := func(name string, states, types []string) {
		say(name, with(kmsg.NewPtrListGroupsRequest(), 5, func(r *kmsg.ListGroupsRequest) { r.StatesFilter, r.TypesFilter = states, types }))
	}
	list("groups", nil, nil)
	list("groups by state", []string{"empty"}, nil)
	list("groups by an unknown state", []string{"Sleeping"}, nil)
	list("groups by an unknown type", nil, []string{"sleeping"})
	list("groups by type", nil, []string{"Classic"})
	say("describe a group of commits", with(kmsg.NewPtrDescribeGroupsRequest(), 6, func(r *kmsg.DescribeGroupsRequest) { r.Groups = []string{"g", "nobody", ""} }))
	say("describe a group of commits by the new request", with(kmsg.NewPtrConsumerGroupDescribeRequest(), 1, func(r *kmsg.ConsumerGroupDescribeRequest) { r.Groups = []string{"g", ""} }))
	say("delete an offset of nobody's topic", with(kmsg.NewPtrOffsetDeleteRequest(), 0, func(r *kmsg.OffsetDeleteRequest) {
		r.Group = "g"
		r.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: "nobody", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}, {Topic: "orders", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 9}, {Partition: 0}}}}
	}))
	drop("delete no group", "")
	drop("delete a group twice", "g", "g")
	trim := func(name, topic string, partition int32, offset int64) {
		say(name, with(kmsg.NewPtrDeleteRecordsRequest(), 2, func(r *kmsg.DeleteRecordsRequest) {
			r.TimeoutMillis = 5000
			r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}}}}
		}))
	}
	trim("delete records of nobody", "nobody", 0, 1)
	trim("delete records of a compacted topic", "compacted", 0, 0)
	trim("delete records of an internal topic", "__consumer_offsets", 0, 0)
	return steps
}
