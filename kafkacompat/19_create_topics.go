package kafkacompat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// CreateTopics makes topics.
//
// Every partition is on every node, so a replication factor from 1 to the number
// of nodes is accepted, and so is an assignment of replicas, for the number of
// partitions that it has.
//
// Versions: 1 can validate only, 4 brought -1 for the server's defaults, 5
// flexible encoding and the configuration in the answer, 7 topic ids.
func init() {
	register(api{
		key: keyCreateTopics, versionMin: 0, versionMax: 7,
		requestBytesMax: requestBytesSmall,
		isBulk:          isBulkValidation,
		shape:           wire.MustShape("[ s i32 i16 [ i32 []i32 ] [ s ns ] ] i32 bool@1+"),
	}, createTopics)
}

// isBulkValidation says whether a request asks what many topics would be: the answer has their whole configuration. How many are made is
// bounded otherwise, and takes time in which nobody has to wait.
func isBulkValidation(request kmsg.Request) bool {
	create, ok := request.(*kmsg.CreateTopicsRequest)
	return ok && create.ValidateOnly && len(create.Topics) >= bulkTopicsMin
}

// adminTimeoutMin is given even to a client that wants an answer at once.
const adminTimeoutMin = 5 * time.Second

// partitionsMax bounds the partitions of a topic, before the log. The state
// machine may have a smaller bound.
const partitionsMax = 10_000

const keyCreateTopics = 19

func createTopics(c *call, request *kmsg.CreateTopicsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.CreateTopicsResponse](request)
	var named map[string]int
	request.Topics, named = countNames(request.Topics, func(t kmsg.CreateTopicsRequestTopic) string { return t.Topic })
	collisions := c.collisions()
	var wanted []command.Topic
	var places []int
	errs := make([]error, len(request.Topics))
	for i, asked := range request.Topics {
		topic, err := c.wantedTopic(asked)
		switch {
		case named[asked.Topic] > 1:
			err = fmt.Errorf("topic %s is named twice: %w", asked.Topic, kerr.InvalidRequest)
		case err != nil:
		case c.exists(asked.Topic):
			err = fmt.Errorf("topic %s: %w", asked.Topic, command.ErrTopicExists)
		default:
			err = collisions.check(asked.Topic)
		}
		if err == nil && !request.ValidateOnly {
			err = c.mutate(topic.Partitions, request.Version >= 6)
		}
		if errs[i] = err; err == nil {
			wanted, places = append(wanted, topic), append(places, i)
		}
	}
	if !c.isLeader() {
		for i := range errs {
			errs[i] = c.notController()
		}
	} else if len(wanted) > 0 && !request.ValidateOnly {
		for i, err := range c.proposeAdmin(request.TimeoutMillis, len(wanted), command.CreateTopics{
			Topics: wanted, NowUnixMilli: time.Now().UnixMilli(),
		}) {
			errs[places[i]] = err
		}
	}

	for i := range request.Topics {
		answer := kmsg.NewCreateTopicsResponseTopic()
		answer.Topic = request.Topics[i].Topic
		answer.ErrorCode, answer.ErrorMessage = errorCode(errs[i]), errorMessage(errs[i])
		answer.NumPartitions, answer.ReplicationFactor = -1, -1
		answer.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // null would say that it may not be seen
		response.Topics = append(response.Topics, answer)
	}
	for i, topic := range wanted {
		if errs[places[i]] == nil {
			answer := &response.Topics[places[i]]
			answer.NumPartitions = topic.Partitions
			answer.ReplicationFactor = int16(len(c.cluster().Brokers(c.listener)))
			answer.Configs = createdConfigs(topic)
			// Also where nothing is made, as on a broker: then it is nobody's.
			answer.TopicID = topic.ID
		}
	}
	return response, nil
}

// countNames keeps the first of what is named twice, as an answer names each once, and
// says how often each was named.
func countNames[T any, N comparable](all []T, nameOf func(T) N) (once []T, named map[N]int) {
	once, named = make([]T, 0, len(all)), make(map[N]int, len(all))
	for _, one := range all {
		name := nameOf(one)
		if named[name]++; named[name] == 1 {
			once = append(once, one)
		}
	}
	return once, named
}

// collisions are the topics with . or _ in their names, by what these are without telling them apart. Kafka has one
// metric for names that differ in them alone, and refuses the second.
type collisions map[string]string

func (c *call) collisions() collisions {
	names := make(collisions)
	for _, topic := range c.log().Topics() {
		if strings.ContainsAny(topic.Name, "._") {
			names[collisionKey(topic.Name)] = topic.Name
		}
	}
	return names
}

func collisionKey(topic string) string { return strings.ReplaceAll(topic, ".", "_") }

// check refuses the name of a topic that is not there yet.
func (names collisions) check(topic string) error {
	if other := names[collisionKey(topic)]; other != "" {
		return fmt.Errorf("topic %s: . and _ are not told apart, and there is %s: %w", topic, other, command.ErrInvalidTopic)
	}
	return nil
}

func (c *call) exists(topic string) bool {
	_, ok := c.log().Topic(topic)
	return ok
}

// wantedTopic checks what a client asks for.
func (c *call) wantedTopic(asked kmsg.CreateTopicsRequestTopic) (command.Topic, error) {
	topic := command.Topic{Name: asked.Topic, Partitions: asked.NumPartitions, ID: newTopicID()}
	if err := checkTopicName(asked.Topic); err != nil {
		return topic, err
	}
	if asked.Topic == topicMetadata {
		return topic, fmt.Errorf("topic %s is the cluster's own, and none that can be made: %w", asked.Topic, kerr.InvalidRequest)
	}
	brokers := len(c.cluster().Brokers(c.listener))
	switch {
	case len(asked.ReplicaAssignment) > 0:
		if asked.NumPartitions != -1 || asked.ReplicationFactor != -1 {
			return topic, fmt.Errorf("topic %s: replica assignment beside a number of partitions or a replication factor: %w",
				asked.Topic, kerr.InvalidRequest)
		}
		topic.Partitions = int32(len(asked.ReplicaAssignment))
		if err := c.checkAssignment(asked); err != nil {
			return topic, err
		}
	case asked.ReplicationFactor != -1 && (asked.ReplicationFactor < 1 || int(asked.ReplicationFactor) > brokers):
		return topic, fmt.Errorf("topic %s: replication factor %d, there are %d nodes: %w",
			asked.Topic, asked.ReplicationFactor, brokers, kerr.InvalidReplicationFactor)
	}
	if topic.Partitions == -1 {
		topic.Partitions = c.server.config.TopicPartitions
	}
	if topic.Partitions < 1 || topic.Partitions > partitionsMax {
		return topic, fmt.Errorf("topic %s: %d partitions, must be 1 to %d: %w",
			asked.Topic, topic.Partitions, partitionsMax, command.ErrInvalidPartitions)
	}
	for _, config := range asked.Configs {
		if config.Value == nil {
			return topic, fmt.Errorf("topic %s: configuration %s is null: %w", asked.Topic, config.Name, kerr.InvalidConfig)
		}
		value, err := keptConfig(config.Name, *config.Value)
		if err != nil {
			return topic, fmt.Errorf("topic %s: %w", asked.Topic, err)
		}
		if topic.Configs == nil {
			topic.Configs = make(map[string]string)
		}
		topic.Configs[config.Name] = value
	}
	if err := checkTopicConfigs(topic); err != nil {
		return topic, fmt.Errorf("topic %s: %w", asked.Topic, err)
	}
	return topic, nil
}

// checkAssignment refuses the replicas that a broker's controller refuses.
func (c *call) checkAssignment(asked kmsg.CreateTopicsRequestTopic) error {
	refused := func(format string, arguments ...any) error {
		return fmt.Errorf("topic %s: %s: %w", asked.Topic, fmt.Sprintf(format, arguments...), kerr.InvalidReplicaAssignment)
	}
	count := int32(len(asked.ReplicaAssignment))
	seen := make(map[int32]bool, count)
	for _, assignment := range asked.ReplicaAssignment {
		if assignment.Partition < 0 || assignment.Partition >= count || seen[assignment.Partition] {
			return refused("partitions of the replica assignment are not 0 to %d", count-1)
		}
		seen[assignment.Partition] = true
		if len(assignment.Replicas) == 0 || len(assignment.Replicas) != len(asked.ReplicaAssignment[0].Replicas) {
			return refused("partition %d on %d nodes", assignment.Partition, len(assignment.Replicas))
		}
		if id, isRefused := c.strayReplica(assignment.Replicas); isRefused {
			return refused("node %d is not there, or twice", id)
		}
	}
	return nil
}

// createTopic makes one topic of which the name has been checked.
func (c *call) createTopic(topic command.Topic) error {
	if !c.isLeader() {
		return c.createTopicAtLeader(topic.Name)
	}
	if err := c.collisions().check(topic.Name); err != nil {
		return err
	}
	topic.ID = newTopicID()
	err := c.proposeEach(0, 1, command.CreateTopics{
		Topics: []command.Topic{topic}, NowUnixMilli: time.Now().UnixMilli(),
	})[0]
	if errors.Is(err, command.ErrNotLeader) {
		return kerr.LeaderNotAvailable
	}
	return err
}

// proposeEach proposes a command whose result is an error for each of count
// parts. An error of the whole is the error of each.
func (c *call) proposeEach(timeoutMillis int32, count int, proposed command.Command) []error {
	ctx, cancel := context.WithTimeout(c.server.ctx, max(adminTimeoutMin, time.Duration(timeoutMillis)*time.Millisecond))
	defer cancel()
	errs, err := proposeFor[[]error](ctx, c.log(), proposed)
	if err == nil && len(errs) != count {
		err = fmt.Errorf("%T has %d results, want %d", proposed, len(errs), count)
	}
	if err != nil {
		errs = make([]error, count)
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// proposeAdmin is proposeEach for what clients take to the controller: where it can't be done because another node leads, they
// are to look for that.
func (c *call) proposeAdmin(timeoutMillis int32, count int, proposed command.Command) []error {
	errs := c.proposeEach(timeoutMillis, count, proposed)
	for i, err := range errs {
		errs[i] = adminError(err)
	}
	return errs
}

// adminError is err as a client of a controller understands it.
func adminError(err error) error {
	if errors.Is(err, command.ErrNotLeader) {
		return kerr.NotController
	}
	return err
}

// newTopicID draws a random version 4 UUID, as KIP-516 has it.
func newTopicID() command.TopicID {
	var id command.TopicID
	rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

func createdConfigs(topic command.Topic) []kmsg.CreateTopicsResponseTopicConfig {
	configs := make([]kmsg.CreateTopicsResponseTopicConfig, 0, len(topicConfigs))
	for _, config := range topicConfigs {
		value, isSet := topicConfigValue(topic, config)
		answer := kmsg.NewCreateTopicsResponseTopicConfig()
		answer.Name, answer.Value, answer.Source = config.name, &value, int8(configSource(isSet))
		configs = append(configs, answer)
	}
	return configs
}

func configSource(isSet bool) kmsg.ConfigSource {
	if isSet {
		return kmsg.ConfigSourceDynamicTopicConfig
	}
	return kmsg.ConfigSourceDefaultConfig
}
