package kafkacompat

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// A topicConfig is one configuration that a topic may have.
type topicConfig struct {
	name          string
	kind          kmsg.ConfigType
	otherwise     string
	documentation string
	// min and max bound a number; allowed are the words of a list or a string,
	// unless that is the name of a topic.
	min, max    int64
	allowed     []string
	isTopicName bool
}

const configMessageBytesMax = "max.message.bytes"

// topicConfigs are all of them, by name. A value that this server can't act upon
// is not allowed here: a client shall hear it now rather than lose data later.
var topicConfigs = []topicConfig{
	{name: "cleanup.policy", kind: kmsg.ConfigTypeList, otherwise: "delete", allowed: []string{"delete"},
		documentation: "What becomes of old records. Only delete: compaction is not there yet."},
	{name: "compression.type", kind: kmsg.ConfigTypeString, otherwise: "producer", allowed: []string{"producer"},
		documentation: "The compression of stored batches. Only producer: batches are kept as they were sent."},
	{name: command.ConfigScheduler, kind: kmsg.ConfigTypeString, otherwise: "external", allowed: []string{"builtin", "external"},
		documentation: "builtin: records of this topic set timers. external: they are ordinary records."},
	{name: command.ConfigSchedulerResumeTopic, kind: kmsg.ConfigTypeString, otherwise: command.TopicResume, isTopicName: true,
		documentation: "Where the timers of this topic, a builtin scheduler's, write their events."},
	{name: configMessageBytesMax, kind: kmsg.ConfigTypeInt, otherwise: "1048588", min: 1, max: 64 << 20,
		documentation: "The largest record batch that is taken, in bytes, as compressed by the client."},
	{name: "message.timestamp.type", kind: kmsg.ConfigTypeString, otherwise: "CreateTime", allowed: []string{"CreateTime"},
		documentation: "Whose clock gives a record its time. Only CreateTime, the client's."},
	{name: "min.insync.replicas", kind: kmsg.ConfigTypeInt, otherwise: "1", min: 1, max: math.MaxInt16,
		documentation: "Kept for tools that set it. A write is committed by a majority of nodes always."},
	{name: "retention.bytes", kind: kmsg.ConfigTypeLong, otherwise: "-1", min: -1, max: math.MaxInt64,
		documentation: "How many bytes a partition keeps; -1 is no limit."},
	{name: "retention.ms", kind: kmsg.ConfigTypeLong, otherwise: "604800000", min: -1, max: math.MaxInt64,
		documentation: "How long records are kept, in milliseconds; -1 is for ever."},
	{name: "segment.bytes", kind: kmsg.ConfigTypeInt, otherwise: "1073741824", min: 14, max: math.MaxInt32,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "segment.ms", kind: kmsg.ConfigTypeLong, otherwise: "604800000", min: 1, max: math.MaxInt64,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "unclean.leader.election.enable", kind: kmsg.ConfigTypeBoolean, otherwise: "false", allowed: []string{"false"},
		documentation: "Always false: a node that lacks committed records is not elected."},
}

func findTopicConfig(name string) (topicConfig, bool) {
	i := slices.IndexFunc(topicConfigs, func(c topicConfig) bool { return c.name == name })
	if i < 0 {
		return topicConfig{}, false
	}
	return topicConfigs[i], true
}

// topicConfigValue is a topic's value and whether it was set on the topic.
func topicConfigValue(topic command.Topic, config topicConfig) (value string, isSet bool) {
	if value, ok := topic.Configs[config.name]; ok {
		return value, true
	}
	if config.name == command.ConfigScheduler && topic.Name == command.TopicScheduler {
		return "builtin", false
	}
	return config.otherwise, false
}

// topicConfigInt is the value of a number, whose name must be known. A stored
// value that is none counts as not set.
func topicConfigInt(topic command.Topic, name string) int64 {
	config, _ := findTopicConfig(name)
	value, _ := topicConfigValue(topic, config)
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		number, _ = strconv.ParseInt(config.otherwise, 10, 64)
	}
	return number
}

// checkTopicConfig refuses unknown names and values that can't be kept.
func checkTopicConfig(name, value string) error {
	config, ok := findTopicConfig(name)
	if !ok {
		return fmt.Errorf("unknown topic configuration %q: %w", name, kerr.InvalidConfig)
	}
	if config.isTopicName {
		if err := checkTopicName(value); err != nil {
			return fmt.Errorf("%s=%q: %w: %w", name, value, kerr.InvalidConfig, err)
		}
		return nil
	}
	switch config.kind {
	case kmsg.ConfigTypeInt, kmsg.ConfigTypeLong:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || number < config.min || number > config.max {
			return fmt.Errorf("%s=%q, must be a number from %d to %d: %w", name, value, config.min, config.max, kerr.InvalidConfig)
		}
	case kmsg.ConfigTypeList:
		for word := range strings.SplitSeq(value, ",") {
			if !slices.Contains(config.allowed, strings.TrimSpace(word)) {
				return fmt.Errorf("%s=%q, supported is %s: %w", name, value, strings.Join(config.allowed, ","), kerr.InvalidConfig)
			}
		}
	default:
		if !slices.Contains(config.allowed, value) {
			return fmt.Errorf("%s=%q, supported is %s: %w", name, value, strings.Join(config.allowed, ", "), kerr.InvalidConfig)
		}
	}
	return nil
}

// checkTopicName is Kafka's rule, as in the state machine.
func checkTopicName(name string) error {
	const bytesMax = 249
	if name == "" || name == "." || name == ".." || len(name) > bytesMax {
		return fmt.Errorf("topic %q has %d bytes, must have 1 to %d and not be . or ..: %w",
			name[:min(len(name), 2*bytesMax)], len(name), bytesMax, command.ErrInvalidTopic)
	}
	for _, b := range []byte(name) {
		isLetter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
		if !isLetter && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return fmt.Errorf("topic %q has a character that is none of a-z A-Z 0-9 . _ -: %w", name, command.ErrInvalidTopic)
		}
	}
	return nil
}
