package kafkacompat_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

// configuredTopic makes a topic with configurations, name and value in turn.
func (s *testServer) configuredTopic(name string, configs ...string) {
	s.t.Helper()
	set := make(map[string]*string)
	for i := 0; i < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	if _, err := kadm.NewClient(s.client()).CreateTopic(testContext(s.t), 1, 1, set, name); err != nil {
		s.t.Fatal(err)
	}
}

// produceOne sends a batch and returns what became of it.
func produceOne(c *rawConn, version int16, topic string, batch []byte) kmsg.ProduceResponseTopicPartition {
	return ask[*kmsg.ProduceResponse](c, produceRequest(-1, version, topic, batch)).Topics[0].Partitions[0]
}

// A refusal names the records that it is for (KIP-467), in versions that can say so.
func TestRecordsThatARefusalIsForAreNamed(t *testing.T) {
	s := startServer(t)
	s.configuredTopic("compacted", "cleanup.policy", "compact")
	s.configuredTopic("near", "message.timestamp.before.max.ms", "60000", "message.timestamp.after.max.ms", "1000")
	c := s.dial()
	now := time.Now().UnixMilli()
	key := []byte("k")
	for _, test := range []struct {
		name    string
		topic   string
		records []recordbatch.Record
		want    *kerr.Error
		named   []int32
	}{
		{"all have keys", "compacted", []recordbatch.Record{{Key: key}, {Key: []byte{}}}, nil, nil},
		{"two without a key", "compacted", []recordbatch.Record{{Key: key}, {}, {Key: key}, {Value: key}}, kerr.InvalidRecord, []int32{1, 3}},
		{"times that are near", "near", []recordbatch.Record{{TimestampUnixMilli: now - 30_000}, {TimestampUnixMilli: now}}, nil, nil},
		{"no time", "near", []recordbatch.Record{{TimestampUnixMilli: -1}, {TimestampUnixMilli: now}}, nil, nil},
		{"too old, too new", "near", []recordbatch.Record{{TimestampUnixMilli: now - 120_000}, {TimestampUnixMilli: now}, {TimestampUnixMilli: now + 120_000}},
			kerr.InvalidTimestamp, []int32{0, 2}},
	} {
		for codec := recordbatch.CodecNone; codec <= recordbatch.CodecZstd; codec++ {
			batch := recordbatch.Append(nil, test.records, recordbatch.Options{Codec: codec})
			p := produceOne(c, 9, test.topic, batch)
			if kerr.ErrorForCode(p.ErrorCode) != error(nil) && test.want == nil || test.want != nil && p.ErrorCode != test.want.Code {
				t.Errorf("%s, %s: error %v, want %v", test.name, codec, kerr.ErrorForCode(p.ErrorCode), test.want)
			}
			if len(p.ErrorRecords) != len(test.named) {
				t.Fatalf("%s, %s: %d records are named, want %v", test.name, codec, len(p.ErrorRecords), test.named)
			}
			for i, named := range p.ErrorRecords {
				if named.RelativeOffset != test.named[i] || named.ErrorMessage == nil || *named.ErrorMessage == "" {
					t.Errorf("%s, %s: named %+v, want %d", test.name, codec, named, test.named[i])
				}
			}
		}
	}
	if p := produceOne(c, 7, "compacted", recordbatch.Append(nil, []recordbatch.Record{{}}, recordbatch.Options{})); p.ErrorCode != kerr.InvalidRecord.Code {
		t.Errorf("version 7: error %d", p.ErrorCode)
	}
}

// KIP-32: the broker's time is in the batch, and the producer is told.
func TestLogAppendTimeIsTheServersAndTold(t *testing.T) {
	s := startServer(t)
	s.configuredTopic("timed", "message.timestamp.type", "LogAppendTime")
	s.createTopic("free", 1)
	c := s.dial()
	before := time.Now().UnixMilli()
	// The producer's own time would be refused where it counts.
	batch := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: before + 1e10}, {TimestampUnixMilli: 5}}, recordbatch.Options{Codec: recordbatch.CodecLZ4})
	p := produceOne(c, 9, "timed", batch)
	if p.ErrorCode != 0 || p.LogAppendTime < before || p.LogAppendTime > time.Now().UnixMilli() {
		t.Fatalf("answer %+v, want a time from %d on", p, before)
	}
	fetched := ask[*kmsg.FetchResponse](c, fetchRequest("timed", 0, 1, 0)).Topics[0].Partitions[0].RecordBatches
	if h, err := recordbatch.Validate(fetched); err != nil || !h.IsLogAppendTime() || h.MaxTimestamp != p.LogAppendTime {
		t.Errorf("stored %+v, %v, want the time %d", h, err, p.LogAppendTime)
	}
	if p := produceOne(c, 9, "free", oneBatch("x")); p.LogAppendTime != -1 {
		t.Errorf("create time: log append time %d", p.LogAppendTime)
	}
}

func TestBatchesGetTheCompressionOfTheirTopic(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	value := bytes.Repeat([]byte("again and again "), 200)
	for name, want := range map[string]recordbatch.Codec{
		"uncompressed": recordbatch.CodecNone, "gzip": recordbatch.CodecGzip, "snappy": recordbatch.CodecSnappy,
		"lz4": recordbatch.CodecLZ4, "zstd": recordbatch.CodecZstd,
	} {
		topic := "as-" + name
		s.configuredTopic(topic, "compression.type", name, "compression.gzip.level", "9", "max.message.bytes", "2000")
		for codec := recordbatch.CodecNone; codec <= recordbatch.CodecZstd; codec++ {
			batch := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: value}}, recordbatch.Options{Codec: codec})
			p := produceOne(c, 9, topic, batch)
			// Too large as it comes, or as it would be stored.
			if codec == recordbatch.CodecNone || want == recordbatch.CodecNone {
				if p.ErrorCode != kerr.MessageTooLarge.Code {
					t.Errorf("%s to %s: error %v", codec, name, kerr.ErrorForCode(p.ErrorCode))
				}
				continue
			}
			if p.ErrorCode != 0 {
				t.Fatalf("%s to %s: %v", codec, name, kerr.ErrorForCode(p.ErrorCode))
			}
			fetched := ask[*kmsg.FetchResponse](c, fetchRequest(topic, p.BaseOffset, 1, 0)).Topics[0].Partitions[0].RecordBatches
			h, err := recordbatch.Validate(fetched)
			if err != nil || h.Codec() != want {
				t.Errorf("%s to %s: stored as %s, %v", codec, name, h.Codec(), err)
			}
			for r, err := range recordbatch.Records(fetched) {
				if err != nil || !bytes.Equal(r.Value, value) {
					t.Errorf("%s to %s: value of %d bytes, %v", codec, name, len(r.Value), err)
				}
			}
		}
	}
}

func TestRecordsOfACompactedTopicAreNotDeletedByOffset(t *testing.T) {
	s := startServer(t)
	s.configuredTopic("compacted", "cleanup.policy", "compact")
	s.configuredTopic("both", "cleanup.policy", "compact,delete")
	c := s.dial()
	for topic, want := range map[string]int16{"compacted": kerr.PolicyViolation.Code, "both": 0} {
		batch := recordbatch.Append(nil, []recordbatch.Record{{Key: []byte("k")}}, recordbatch.Options{})
		if p := produceOne(c, 9, topic, batch); p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
		request := kmsg.NewPtrDeleteRecordsRequest()
		request.Version = 2
		request.Topics = append(request.Topics, kmsg.DeleteRecordsRequestTopic{
			Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}},
		})
		if p := ask[*kmsg.DeleteRecordsResponse](c, request).Topics[0].Partitions[0]; p.ErrorCode != want {
			t.Errorf("%s: %v", topic, kerr.ErrorForCode(p.ErrorCode))
		}
	}
}

// Clients before version 10 of Fetch don't know zstd: they are told so where the topic gives it to all batches (KIP-110). What a
// producer has compressed goes to whoever asks.
func TestTopicsOfZstdAreForClientsThatKnowIt(t *testing.T) {
	s := startServer(t)
	s.configuredTopic("all", "compression.type", "zstd")
	s.createTopic("some", 1)
	c := s.dial()
	batch := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte("v")}}, recordbatch.Options{Codec: recordbatch.CodecZstd})
	for topic, refusal := range map[string]int16{"all": kerr.UnsupportedCompressionType.Code, "some": 0} {
		ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, topic, batch))
		for version := int16(8); version <= 11; version++ {
			request := fetchRequest(topic, 0, 1, time.Second)
			request.Version = version
			p := ask[*kmsg.FetchResponse](c, request).Topics[0].Partitions[0]
			want := refusal
			if version >= 10 {
				want = 0
			}
			if p.ErrorCode != want || (len(p.RecordBatches) == 0) != (want != 0) {
				t.Errorf("%s, version %d: error %d and %d bytes, want error %d", topic, version, p.ErrorCode, len(p.RecordBatches), want)
			}
		}
	}
}
