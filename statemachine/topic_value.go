package statemachine

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// The configurations of Kafka that the state machine looks at.
const (
	configTimestampType  = "message.timestamp.type"
	configRetentionMilli = "retention.ms"
	configRetentionBytes = "retention.bytes"
	configCleanupPolicy  = "cleanup.policy"
	policyDelete         = "delete"
	policyCompact        = "compact"
)

func encodeTopic(dst []byte, number keys.TopicNumber, spec command.Topic) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(number))
	dst = append(dst, spec.ID[:]...)
	dst = binary.AppendUvarint(dst, uint64(spec.Partitions))
	dst = binary.AppendUvarint(dst, uint64(len(spec.Configs)))
	for _, name := range slices.Sorted(maps.Keys(spec.Configs)) {
		dst = appendString(dst, name)
		dst = appendString(dst, spec.Configs[name])
	}
	return dst
}

// decodeTopic reads all but the name, which is the key.
func decodeTopic(value []byte) (keys.TopicNumber, command.Topic, error) {
	r := readValue(value)
	number := keys.TopicNumber(r.uint())
	spec := command.Topic{}
	copy(spec.ID[:], r.bytes(uint64(len(spec.ID))))
	partitions := r.uint()
	if partitions < 1 || partitions > PartitionsMax {
		r.bad = true
	}
	spec.Partitions = int32(partitions)
	n := r.count()
	if n > 0 && !r.bad {
		spec.Configs = make(map[string]string, n)
		for range n {
			name := r.string()
			spec.Configs[name] = r.string()
		}
	}
	return number, spec, r.end("topic")
}

// isScheduler says whether the topic's records set timers.
func (t *topic) isScheduler() bool {
	config, isSet := t.spec.Configs[command.ConfigScheduler]
	if !isSet {
		return t.spec.Name == command.TopicScheduler
	}
	return config == "builtin"
}

// timersTo is the topic that gets the events of the timers of a scheduler topic.
func (t *topic) timersTo() string {
	if name := t.spec.Configs[command.ConfigSchedulerResumeTopic]; name != "" {
		return name
	}
	return command.TopicResume
}

func (t *topic) isLogAppendTime() bool {
	return strings.TrimSpace(t.spec.Configs[configTimestampType]) == "LogAppendTime"
}

// hasPolicy says whether a cleanup policy is one of the topic's; delete is where none is
// set. An empty list is none at all.
func (t *topic) hasPolicy(policy string) bool {
	set, isSet := t.spec.Configs[configCleanupPolicy]
	if !isSet {
		return policy == policyDelete
	}
	for word := range strings.SplitSeq(set, ",") {
		if strings.TrimSpace(word) == policy {
			return true
		}
	}
	return false
}

// configNumber is an explicit configuration, or the default where it is absent or
// no number.
func (t *topic) configNumber(name string, absent int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(t.spec.Configs[name]), 10, 64)
	if err != nil {
		return absent
	}
	return n
}
