package command

// Topic is a topic as created; the state machine keeps it in this shape.
type Topic struct {
	Name string  `cbor:"1,keyasint"`
	ID   TopicID `cbor:"2,keyasint"`
	// Partitions is 1 or more.
	Partitions int32 `cbor:"3,keyasint"`
	// Configs holds only what was set explicitly, by Kafka's names, such as
	// "retention.ms". Defaults are the reader's.
	Configs map[string]string `cbor:"4,keyasint,omitempty"`
}

// CreateTopics makes topics. Its result is []error, one per topic in order: nil,
// ErrTopicExists, ErrInvalidTopic, ErrInvalidPartitions or ErrLimit.
type CreateTopics struct {
	Topics       []Topic `cbor:"1,keyasint"`
	NowUnixMilli int64   `cbor:"2,keyasint"`
}

// DeleteTopics deletes topics with their records, and the timers and group
// offsets that point into them. Its result is []error, one per name in order:
// nil or ErrUnknownTopic.
type DeleteTopics struct {
	Names        []string `cbor:"1,keyasint"`
	NowUnixMilli int64    `cbor:"2,keyasint"`
	// TopicIDs has an id for each name, or is empty, or has fewer. Where there is one, and it is not zero, only the topic of that id is deleted: not the one
	// that was made after it under its name.
	TopicIDs []TopicID `cbor:"3,keyasint,omitempty"`
}

// AlterTopicConfigs sets (a value) or removes (nil) explicit configurations of a
// topic. Its result is nil or ErrUnknownTopic.
type AlterTopicConfigs struct {
	Topic   string             `cbor:"1,keyasint"`
	Configs map[string]*string `cbor:"2,keyasint"`
	// TopicID, if it is not zero, must be the topic's.
	TopicID TopicID `cbor:"3,keyasint,omitzero"`
}

// CreatePartitions adds partitions to topics. Its result is []error, one per topic in
// order: nil, ErrUnknownTopic, ErrInvalidPartitions or ErrLimit.
type CreatePartitions struct {
	Topics []PartitionCount `cbor:"1,keyasint"`
}

// PartitionCount is how many partitions a topic is to have, more than it has.
type PartitionCount struct {
	Topic   string  `cbor:"1,keyasint"`
	TopicID TopicID `cbor:"2,keyasint,omitzero"`
	Count   int32   `cbor:"3,keyasint"`
}

func (CreatePartitions) Kind() Kind  { return KindCreatePartitions }
func (CreateTopics) Kind() Kind      { return KindCreateTopics }
func (DeleteTopics) Kind() Kind      { return KindDeleteTopics }
func (AlterTopicConfigs) Kind() Kind { return KindAlterTopicConfigs }

// The topics of the workflow protocol that every node has.
const (
	TopicResume    = "workflow-resume"
	TopicResult    = "workflow-result"
	TopicError     = "workflow-error"
	TopicScheduler = "workflow-scheduler"
)

// ConfigScheduler is the configuration of a scheduler topic: "builtin" (records
// set timers, the default on TopicScheduler) or "external" (an ordinary topic,
// for a scheduler outside of kont).
const ConfigScheduler = "kont.scheduler"

// ConfigSchedulerResumeTopic is the configuration of a scheduler topic that names
// the topic to which its timers' events are appended; TopicResume if not set.
const ConfigSchedulerResumeTopic = "kont.scheduler.resume.topic"
