package kafkacompat

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// CreatePartitions adds partitions to topics.
//
// Every partition is on every node, so an assignment of replicas is checked as a broker
// checks it, and has no effect. Records stay where they are: a key may belong to another
// partition from then on.
//
// Versions: 2 brought flexible encoding, 3 the error of a quota of
// mutations (KIP-599); clients of those before it wait.
func init() {
	register(api{
		key: 37, versionMin: 0, versionMax: 3,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ s i32 [ []i32 ] ] i32 bool"),
	}, createPartitions)
}

func createPartitions(c *call, request *kmsg.CreatePartitionsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.CreatePartitionsResponse](request)
	var named map[string]int
	request.Topics, named = countNames(request.Topics, func(t kmsg.CreatePartitionsRequestTopic) string { return t.Topic })
	var grown []command.PartitionCount
	var places []int
	errs := make([]error, len(request.Topics))
	isLeader := c.isLeader()
	for i, asked := range request.Topics {
		topic, exists := c.log().Topic(asked.Topic)
		switch {
		case !isLeader:
			errs[i] = c.notController()
		case named[asked.Topic] > 1:
			errs[i] = fmt.Errorf("topic %s is named twice: %w", asked.Topic, kerr.InvalidRequest)
		case !exists:
			errs[i] = fmt.Errorf("topic %s: %w", asked.Topic, command.ErrUnknownTopic)
		default:
			errs[i] = c.checkGrowth(topic, asked)
		}
		if errs[i] == nil && !request.ValidateOnly {
			errs[i] = c.mutate(asked.Count-topic.Partitions, request.Version >= 3)
		}
		if errs[i] == nil {
			grown = append(grown, command.PartitionCount{Topic: topic.Name, TopicID: topic.ID, Count: asked.Count})
			places = append(places, i)
		}
	}
	if len(grown) > 0 && !request.ValidateOnly {
		for i, err := range c.proposeAdmin(request.TimeoutMillis, len(grown), command.CreatePartitions{Topics: grown}) {
			errs[places[i]] = err
		}
	}
	for i := range request.Topics {
		answer := kmsg.NewCreatePartitionsResponseTopic()
		answer.Topic = request.Topics[i].Topic
		answer.ErrorCode, answer.ErrorMessage = errorCode(errs[i]), errorMessage(errs[i])
		response.Topics = append(response.Topics, answer)
	}
	return response, nil
}

// checkGrowth refuses what a broker's controller refuses.
func (c *call) checkGrowth(topic command.Topic, asked kmsg.CreatePartitionsRequestTopic) error {
	if err := checkNotInternal(topic.Name); err != nil {
		return err
	}
	switch {
	case asked.Count == topic.Partitions:
		return fmt.Errorf("topic %s has %d partitions already: %w", topic.Name, topic.Partitions, kerr.InvalidPartitions)
	case asked.Count < topic.Partitions:
		return fmt.Errorf("topic %s has %d partitions, which is more than %d: %w", topic.Name, topic.Partitions, asked.Count, kerr.InvalidPartitions)
	case asked.Count > partitionsMax:
		return fmt.Errorf("topic %s: %d partitions, at most %d: %w", topic.Name, asked.Count, partitionsMax, kerr.InvalidPartitions)
	case asked.Assignment == nil:
		return nil
	case len(asked.Assignment) != int(asked.Count-topic.Partitions):
		return fmt.Errorf("topic %s: %d assignments of replicas for %d new partitions: %w",
			topic.Name, len(asked.Assignment), asked.Count-topic.Partitions, kerr.InvalidReplicaAssignment)
	}
	for _, assignment := range asked.Assignment {
		if len(assignment.Replicas) == 0 || len(assignment.Replicas) != len(asked.Assignment[0].Replicas) {
			return fmt.Errorf("topic %s: a partition on %d nodes: %w", topic.Name, len(assignment.Replicas), kerr.InvalidReplicaAssignment)
		}
		if id, isRefused := c.strayReplica(assignment.Replicas); isRefused {
			return fmt.Errorf("topic %s: node %d is not there, or twice: %w", topic.Name, id, kerr.InvalidReplicaAssignment)
		}
	}
	return nil
}

// strayReplica finds one that is no node, or that is there before.
func (c *call) strayReplica(replicas []int32) (id int32, isFound bool) {
	brokers := c.cluster().Brokers(c.listener)
	for i, id := range replicas {
		isNode := slices.ContainsFunc(brokers, func(b Broker) bool { return b.NodeID == id })
		if !isNode || slices.Contains(replicas[:i], id) {
			return id, true
		}
	}
	return 0, false
}
