package kafkacompat

import (
	"errors"
	"fmt"
	"maps"
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
	name string
	kind kmsg.ConfigType
	// otherwise is the value of a topic that doesn't set it.
	otherwise string
	// synonym is the broker's configuration that gives topics their default on a Kafka
	// broker, empty if there is none.
	synonym       string
	documentation string
	// min and max bound a number; allowed are the words of a list or a string. check,
	// if there is one, decides in their place.
	min, max int64
	allowed  []string
	check    func(value string) error
}

const (
	configCleanupPolicy        = "cleanup.policy"
	configCompressionType      = "compression.type"
	configMaxCompactionLag     = "max.compaction.lag.ms"
	configMessageBytesMax      = "max.message.bytes"
	configMinCompactionLag     = "min.compaction.lag.ms"
	configTimestampAfterMax    = "message.timestamp.after.max.ms"
	configTimestampBeforeMax   = "message.timestamp.before.max.ms"
	configTimestampType        = "message.timestamp.type"
	timestampTypeLogAppendTime = "LogAppendTime"
	policyCompact              = "compact"
	policyDelete               = "delete"
)

// batchBytesMax is the largest record batch that is stored, whatever a topic allows.
const batchBytesMax = 16 << 20

// topicConfigs are all of them, by name: Kafka's, with its defaults and ranges, and our
// own. A value that this server can't act upon and that would matter to whoever sets it
// is not allowed: a client shall hear it now rather than lose data later. What only says
// how Kafka lays out its files, or copies them, is kept and has no effect, and its text
// says so.
var topicConfigs = []topicConfig{
	{name: configCleanupPolicy, kind: kmsg.ConfigTypeList, otherwise: policyDelete, synonym: "log.cleanup.policy", allowed: []string{policyCompact, policyDelete},
		documentation: "What becomes of old records. delete: they go by retention.ms and retention.bytes. compact: of the records with a key the last one stays. Both may be given."},
	{name: "compression.gzip.level", kind: kmsg.ConfigTypeInt, otherwise: "-1", synonym: "compression.gzip.level", check: checkGzipLevel,
		documentation: "The level of gzip, 1 to 9, or -1 for the library's own, where compression.type is gzip."},
	{name: "compression.lz4.level", kind: kmsg.ConfigTypeInt, otherwise: "9", synonym: "compression.lz4.level", min: 1, max: 17,
		documentation: "Kept for tools that set it. Batches are compressed with the fast level of lz4 where compression.type is lz4."},
	{name: configCompressionType, kind: kmsg.ConfigTypeString, otherwise: "producer", synonym: "compression.type",
		allowed:       []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"},
		documentation: "The compression of stored batches. producer: as they were sent. Any other: a batch that has another one is compressed anew before it is stored."},
	{name: "compression.zstd.level", kind: kmsg.ConfigTypeInt, otherwise: "3", synonym: "compression.zstd.level", min: -131072, max: 22,
		documentation: "The level of zstd where compression.type is zstd, in the library's four steps."},
	{name: "delete.retention.ms", kind: kmsg.ConfigTypeLong, otherwise: "86400000", synonym: "log.cleaner.delete.retention.ms", max: math.MaxInt64,
		documentation: "How long a tombstone, a record without a value, stays after compaction has met it, so that readers see the deletion."},
	{name: "file.delete.delay.ms", kind: kmsg.ConfigTypeLong, otherwise: "60000", synonym: "log.segment.delete.delay.ms", max: math.MaxInt64,
		documentation: "Kept for tools that set it. There are no segment files to delete."},
	{name: "flush.messages", kind: kmsg.ConfigTypeLong, otherwise: "9223372036854775807", synonym: "log.flush.interval.messages", min: 1, max: math.MaxInt64,
		documentation: "Kept for tools that set it. Every write is on the disks of a majority before it is acknowledged."},
	{name: "flush.ms", kind: kmsg.ConfigTypeLong, otherwise: "9223372036854775807", synonym: "log.flush.interval.ms", max: math.MaxInt64,
		documentation: "Kept for tools that set it. Every write is on the disks of a majority before it is acknowledged."},
	{name: "follower.replication.throttled.replicas", kind: kmsg.ConfigTypeList, check: checkThrottledReplicas,
		documentation: "Kept for tools that set it. Nodes follow the Raft log, which is not throttled by topic."},
	{name: "index.interval.bytes", kind: kmsg.ConfigTypeInt, otherwise: "4096", synonym: "log.index.interval.bytes", max: math.MaxInt32,
		documentation: "Kept for tools that set it. The batch index has an entry for every 64 KiB."},
	{name: command.ConfigScheduler, kind: kmsg.ConfigTypeString, otherwise: "external", allowed: []string{"builtin", "external"},
		documentation: "builtin: records of this topic set timers. external: they are ordinary records."},
	{name: command.ConfigSchedulerResumeTopic, kind: kmsg.ConfigTypeString, otherwise: command.TopicResume, check: checkTopicName,
		documentation: "Where the timers of this topic, a builtin scheduler's, write their events."},
	{name: "leader.replication.throttled.replicas", kind: kmsg.ConfigTypeList, check: checkThrottledReplicas,
		documentation: "Kept for tools that set it. Nodes follow the Raft log, which is not throttled by topic."},
	{name: "local.retention.bytes", kind: kmsg.ConfigTypeLong, otherwise: "-2", synonym: "log.local.retention.bytes", min: -2, max: math.MaxInt64,
		documentation: "Kept for tools that set it. There is no tiered storage: all that is kept is local."},
	{name: "local.retention.ms", kind: kmsg.ConfigTypeLong, otherwise: "-2", synonym: "log.local.retention.ms", min: -2, max: math.MaxInt64,
		documentation: "Kept for tools that set it. There is no tiered storage: all that is kept is local."},
	{name: configMaxCompactionLag, kind: kmsg.ConfigTypeLong, otherwise: "9223372036854775807", synonym: "log.cleaner.max.compaction.lag.ms", min: 1, max: math.MaxInt64,
		documentation: "After how long, at the latest, a record is compacted, in milliseconds, whatever min.cleanable.dirty.ratio says."},
	{name: configMessageBytesMax, kind: kmsg.ConfigTypeInt, otherwise: "1048588", synonym: "message.max.bytes", max: math.MaxInt32,
		documentation: "The largest record batch that is taken, in bytes, as compressed. More than 16 MiB is not taken, whatever is set."},
	{name: configTimestampAfterMax, kind: kmsg.ConfigTypeLong, otherwise: "3600000", synonym: "log.message.timestamp.after.max.ms", max: math.MaxInt64,
		documentation: "How far the time of a record may be ahead of the server's, in milliseconds. Not looked at where message.timestamp.type is LogAppendTime."},
	{name: configTimestampBeforeMax, kind: kmsg.ConfigTypeLong, otherwise: "9223372036854775807", synonym: "log.message.timestamp.before.max.ms", max: math.MaxInt64,
		documentation: "How far the time of a record may be behind the server's, in milliseconds. Not looked at where message.timestamp.type is LogAppendTime."},
	{name: configTimestampType, kind: kmsg.ConfigTypeString, otherwise: "CreateTime", synonym: "log.message.timestamp.type",
		allowed:       []string{"CreateTime", timestampTypeLogAppendTime},
		documentation: "Whose clock gives a record its time. CreateTime: the producer's. LogAppendTime: the server's, at the append."},
	{name: "min.cleanable.dirty.ratio", kind: kmsg.ConfigTypeDouble, otherwise: "0.5", synonym: "log.cleaner.min.cleanable.ratio", check: checkRatio,
		documentation: "Which part of a partition has to be new since the last compaction before the next one."},
	{name: configMinCompactionLag, kind: kmsg.ConfigTypeLong, otherwise: "0", synonym: "log.cleaner.min.compaction.lag.ms", max: math.MaxInt64,
		documentation: "How long a record stays before it may be compacted away, in milliseconds."},
	{name: "min.insync.replicas", kind: kmsg.ConfigTypeInt, otherwise: "1", synonym: "min.insync.replicas", min: 1, max: math.MaxInt32,
		documentation: "Kept for tools that set it. A write is committed by a majority of nodes always."},
	{name: "preallocate", kind: kmsg.ConfigTypeBoolean, otherwise: "false", synonym: "log.preallocate", allowed: []string{"true", "false"},
		documentation: "Kept for tools that set it. There are no segment files."},
	{name: "remote.log.copy.disable", kind: kmsg.ConfigTypeBoolean, otherwise: "false", allowed: []string{"true", "false"},
		documentation: "Kept for tools that set it. There is no tiered storage, so nothing is copied to it."},
	{name: "remote.log.delete.on.disable", kind: kmsg.ConfigTypeBoolean, otherwise: "false", allowed: []string{"true", "false"},
		documentation: "Kept for tools that set it. There is no tiered storage, so nothing is in it."},
	{name: "remote.storage.enable", kind: kmsg.ConfigTypeBoolean, otherwise: "false", allowed: []string{"false"},
		documentation: "Always false: there is no tiered storage."},
	{name: "retention.bytes", kind: kmsg.ConfigTypeLong, otherwise: "-1", synonym: "log.retention.bytes", min: math.MinInt64, max: math.MaxInt64,
		documentation: "How many bytes a partition keeps where cleanup.policy has delete; -1 is no limit."},
	{name: "retention.ms", kind: kmsg.ConfigTypeLong, otherwise: "604800000", synonym: "log.retention.ms", min: -1, max: math.MaxInt64,
		documentation: "How long records are kept where cleanup.policy has delete, in milliseconds; -1 is for ever."},
	// Kafka 4 takes 1 MiB at least (KIP-1030), for the sake of its files; clients that ask for less, as they could before, lose nothing here.
	{name: "segment.bytes", kind: kmsg.ConfigTypeInt, otherwise: "1073741824", synonym: "log.segment.bytes", min: 14, max: math.MaxInt32,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "segment.index.bytes", kind: kmsg.ConfigTypeInt, otherwise: "10485760", synonym: "log.index.size.max.bytes", min: 4, max: math.MaxInt32,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "segment.jitter.ms", kind: kmsg.ConfigTypeLong, otherwise: "0", synonym: "log.roll.jitter.ms", max: math.MaxInt64,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "segment.ms", kind: kmsg.ConfigTypeLong, otherwise: "604800000", synonym: "log.roll.ms", min: 1, max: math.MaxInt64,
		documentation: "Kept for tools that set it. There are no segments."},
	{name: "unclean.leader.election.enable", kind: kmsg.ConfigTypeBoolean, otherwise: "false", synonym: "unclean.leader.election.enable", allowed: []string{"false"},
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
		return config.plain(value), true
	}
	if config.name == command.ConfigScheduler && topic.Name == command.TopicScheduler {
		return "builtin", false
	}
	return config.otherwise, false
}

// topicConfigText is the value of a configuration whose name must be known.
func topicConfigText(topic command.Topic, name string) string {
	config, _ := findTopicConfig(name)
	value, _ := topicConfigValue(topic, config)
	return value
}

// topicConfigInt is the value of a number, whose name must be known. A stored
// value that is none counts as not set.
func topicConfigInt(topic command.Topic, name string) int64 {
	number, err := strconv.ParseInt(topicConfigText(topic, name), 10, 64)
	if err != nil {
		config, _ := findTopicConfig(name)
		number, _ = strconv.ParseInt(config.otherwise, 10, 64)
	}
	return number
}

// hasCleanupPolicy says whether a policy is one of the topic's.
func hasCleanupPolicy(topic command.Topic, policy string) bool {
	return slices.Contains(configWords(topicConfigText(topic, configCleanupPolicy)), policy)
}

// configWords are the words of a list; an empty one has none.
func configWords(value string) (words []string) {
	for word := range strings.SplitSeq(value, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// keptConfig is a value as it is stored, and the error of unknown names and values that can't be kept. The state machine compares words, so a value is stored
// without what a client wrote around it.
func keptConfig(name, value string) (string, error) {
	config, ok := findTopicConfig(name)
	if !ok {
		return "", fmt.Errorf("unknown topic configuration %q: %w", name, kerr.InvalidConfig)
	}
	value = strings.TrimSpace(value)
	refused := func(format string, arguments ...any) (string, error) {
		return "", fmt.Errorf("%s=%q, %s: %w", name, value, fmt.Sprintf(format, arguments...), kerr.InvalidConfig)
	}
	switch {
	case config.check != nil:
		if err := config.check(value); err != nil {
			return refused("%v", err)
		}
	case config.kind == kmsg.ConfigTypeInt || config.kind == kmsg.ConfigTypeLong:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || number < config.min || number > config.max {
			return refused("must be a number from %d to %d", config.min, config.max)
		}
	case config.kind == kmsg.ConfigTypeList:
		if err := checkWords(value, config.allowed); err != nil {
			return refused("%v", err)
		}
	case config.kind == kmsg.ConfigTypeBoolean:
		if !slices.Contains(config.allowed, strings.ToLower(value)) {
			return refused("supported is %s", strings.Join(config.allowed, ", "))
		}
	default:
		if !slices.Contains(config.allowed, value) {
			return refused("supported is %s", strings.Join(config.allowed, ", "))
		}
	}
	return config.plain(value), nil
}

// plain is a value as Kafka tells it after it has read it: without what it doesn't heed of what a client wrote.
func (config topicConfig) plain(value string) string {
	value = strings.TrimSpace(value)
	switch config.kind {
	case kmsg.ConfigTypeInt, kmsg.ConfigTypeLong:
		if number, err := strconv.ParseInt(value, 10, 64); err == nil {
			return strconv.FormatInt(number, 10)
		}
	case kmsg.ConfigTypeBoolean:
		return strings.ToLower(value)
	case kmsg.ConfigTypeList:
		return strings.Join(configWords(value), ",")
	}
	return value
}

// checkWords refuses what is no list of allowed words. Nothing at all is the empty list, but nothing between two commas is no word.
func checkWords(value string, allowed []string) error {
	if value == "" {
		return nil
	}
	for word := range strings.SplitSeq(value, ",") {
		if !slices.Contains(allowed, strings.TrimSpace(word)) {
			return fmt.Errorf("supported is %s", strings.Join(allowed, ","))
		}
	}
	return nil
}

// checkTopicConfigs refuses what a topic's configurations can't be together, after each
// of them was checked.
func checkTopicConfigs(topic command.Topic) error {
	if least, most := topicConfigInt(topic, configMinCompactionLag), topicConfigInt(topic, configMaxCompactionLag); least > most {
		return fmt.Errorf("%s=%d is more than %s=%d: %w", configMinCompactionLag, least, configMaxCompactionLag, most, kerr.InvalidConfig)
	}
	return nil
}

// withConfigs is a topic after changes of its configurations; nil removes one.
func withConfigs(topic command.Topic, changes map[string]*string) command.Topic {
	configs := maps.Clone(topic.Configs)
	if configs == nil {
		configs = make(map[string]string)
	}
	for name, value := range changes {
		if value == nil {
			delete(configs, name)
		} else {
			configs[name] = *value
		}
	}
	topic.Configs = configs
	return topic
}

func checkGzipLevel(value string) error {
	if level, err := strconv.Atoi(value); err != nil || level != -1 && (level < 1 || level > 9) {
		return errors.New("must be a number from 1 to 9, or -1")
	}
	return nil
}

func checkRatio(value string) error {
	// Not as "value < 0": NaN is neither less nor more.
	if ratio, err := strconv.ParseFloat(value, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
		return errors.New("must be a number from 0 to 1")
	}
	return nil
}

// checkThrottledReplicas takes * for all, or a list of partition:broker.
func checkThrottledReplicas(value string) error {
	if value == "*" {
		return nil
	}
	for _, word := range configWords(value) {
		partition, broker, isPair := strings.Cut(word, ":")
		_, partitionErr := strconv.ParseUint(partition, 10, 31)
		_, brokerErr := strconv.ParseUint(broker, 10, 31)
		if !isPair || partitionErr != nil || brokerErr != nil {
			return errors.New("must be * or a list of partition:broker")
		}
	}
	return nil
}

// topicNameBytesMax is Kafka's bound of a topic's name.
const topicNameBytesMax = 249

// checkTopicName is Kafka's rule, as in the state machine.
func checkTopicName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > topicNameBytesMax {
		return fmt.Errorf("topic %q has %d bytes, must have 1 to %d and not be . or ..: %w",
			name[:min(len(name), 2*topicNameBytesMax)], len(name), topicNameBytesMax, command.ErrInvalidTopic)
	}
	for _, b := range []byte(name) {
		isLetter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
		if !isLetter && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return fmt.Errorf("topic %q has a character that is none of a-z A-Z 0-9 . _ -: %w", name, command.ErrInvalidTopic)
		}
	}
	return nil
}
