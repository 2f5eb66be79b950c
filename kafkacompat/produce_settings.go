package kafkacompat

import (
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// produceSettings is what a topic's configuration says about the batches that it takes.
type produceSettings struct {
	bytesMax int64
	// isCompacted: records need a key.
	isCompacted bool
	// isLogAppendTime: records get the time of their append, so that their own is not
	// looked at.
	isLogAppendTime     bool
	beforeMax, afterMax int64
	// keepsCodec: batches are stored as they were compressed, else with codec and level.
	keepsCodec bool
	codec      recordbatch.Codec
	level      int
}

// produceSettingsDefault are those of a topic without a configuration of its own, which
// is most of them.
var produceSettingsDefault = readProduceSettings(command.Topic{})

func produceSettingsOf(topic command.Topic) *produceSettings {
	if len(topic.Configs) == 0 {
		return produceSettingsDefault
	}
	return readProduceSettings(topic)
}

func readProduceSettings(topic command.Topic) *produceSettings {
	s := &produceSettings{
		bytesMax:        min(topicConfigInt(topic, configMessageBytesMax), batchBytesMax),
		isCompacted:     hasCleanupPolicy(topic, policyCompact),
		isLogAppendTime: topicConfigText(topic, configTimestampType) == timestampTypeLogAppendTime,
		beforeMax:       topicConfigInt(topic, configTimestampBeforeMax),
		afterMax:        topicConfigInt(topic, configTimestampAfterMax),
		level:           recordbatch.DefaultLevel,
	}
	switch topicConfigText(topic, configCompressionType) {
	case "uncompressed":
		s.codec = recordbatch.CodecNone
	case "gzip":
		s.codec, s.level = recordbatch.CodecGzip, int(topicConfigInt(topic, "compression.gzip.level"))
	case "snappy":
		s.codec = recordbatch.CodecSnappy
	case "lz4":
		s.codec = recordbatch.CodecLZ4
	case "zstd":
		s.codec, s.level = recordbatch.CodecZstd, int(topicConfigInt(topic, "compression.zstd.level"))
	default:
		s.keepsCodec = true
	}
	return s
}

func (s *produceSettings) checkSize(topic command.Topic, batch []byte) error {
	if int64(len(batch)) > s.bytesMax {
		return fmt.Errorf("record batch of %d bytes, topic %s takes at most %d: %w",
			len(batch), topic.Name, s.bytesMax, kerr.MessageTooLarge)
	}
	return nil
}

// A recordsError is a refusal of a batch for some of its records (KIP-467).
type recordsError struct {
	err     *kerr.Error
	text    string
	records []kmsg.ProduceResponseTopicPartitionErrorRecord
}

func (e *recordsError) Error() string { return e.text }
func (e *recordsError) Unwrap() error { return e.err }

// errorRecordsMax bounds the records that a refusal names.
const errorRecordsMax = 1000

// checkRecords refuses records without a key on a compacted topic, and times that are
// too far away from the server's. The survey knows whether there are any; only then are
// the records looked at one by one.
func (s *produceSettings) checkRecords(batch []byte, survey recordbatch.Survey, nowUnixMilli int64) error {
	if s.isCompacted && survey.HasNullKey {
		return refusedRecords(batch, kerr.InvalidRecord, func(r recordbatch.Record) string {
			if r.Key != nil {
				return ""
			}
			return "a compacted topic takes no record without a key"
		})
	}
	if s.isLogAppendTime {
		return nil
	}
	earliest, latest := int64(math.MinInt64), int64(math.MaxInt64)
	if s.beforeMax < nowUnixMilli {
		earliest = nowUnixMilli - s.beforeMax
	}
	if s.afterMax < latest-nowUnixMilli {
		latest = nowUnixMilli + s.afterMax
	}
	if survey.MinTimestamp >= earliest && survey.MaxTimestamp <= latest {
		return nil
	}
	return refusedRecords(batch, kerr.InvalidTimestamp, func(r recordbatch.Record) string {
		at := r.TimestampUnixMilli
		if at == -1 || at >= earliest && at <= latest {
			return ""
		}
		return fmt.Sprintf("timestamp %d is out of range, from %d to %d", at, earliest, latest)
	})
}

// refusedRecords names the records of a batch that are wrong.
func refusedRecords(batch []byte, kind *kerr.Error, wrong func(recordbatch.Record) string) error {
	e := &recordsError{err: kind}
	place := int32(-1)
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			return err
		}
		place++
		text := wrong(record)
		if text == "" {
			continue
		}
		if e.text == "" {
			e.text = fmt.Sprintf("record %d and perhaps others: %s", place, text)
		}
		if len(e.records) == errorRecordsMax {
			break
		}
		named := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		named.RelativeOffset, named.ErrorMessage = place, &text
		e.records = append(e.records, named)
	}
	e.records = slices.Clip(e.records)
	return e
}
