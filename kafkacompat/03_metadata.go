package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// Metadata tells who the brokers are and who leads which partition: the Raft
// leader all of them.
//
// A topic that doesn't exist is made if the server is configured so and the
// request allows it.
//
// Versions: 0 has all topics for an empty list, later ones for null; 4 allows or
// forbids to make topics, 7 brought leader epochs, 9 flexible encoding, 10 topic
// ids, 12 asking by topic id, 13 an error for all.
func init() {
	register(api{
		key: 3, versionMin: 0, versionMax: 13,
		requestBytesMax: requestBytesSmall,
		isBulk:          isBulkMetadata,
		shape:           wire.MustShape("[ uuid@10+ ns ] bool@4+ bool@8-10 bool@8+"),
	}, metadata)
}

func metadata(c *call, request *kmsg.MetadataRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.MetadataResponse](request)
	brokers := c.cluster().Brokers(c.listener)
	for _, broker := range brokers {
		if broker.IsFenced {
			continue
		}
		answer := kmsg.NewMetadataResponseBroker()
		answer.NodeID, answer.Host, answer.Port, answer.Rack = broker.NodeID, broker.Host, broker.Port, broker.rack()
		response.Brokers = append(response.Brokers, answer)
	}
	id := c.cluster().ID()
	response.ClusterID = &id
	view := newTopicView(c, brokers)
	response.ControllerID = view.leader

	if request.Topics == nil || request.Version == 0 && len(request.Topics) == 0 {
		for _, topic := range c.log().Topics() {
			response.Topics = append(response.Topics, view.describe(topic))
		}
		return response, nil
	}
	mayCreate := c.mayMakeTopics(request)
	isAnswered := make(map[string]bool, len(request.Topics))
	for _, asked := range request.Topics {
		answer := c.describeTopic(view, asked, mayCreate)
		// One that is named twice has one answer, as from a broker.
		if answer.Topic != nil {
			if isAnswered[*answer.Topic] {
				continue
			}
			isAnswered[*answer.Topic] = true
		}
		response.Topics = append(response.Topics, answer)
	}
	return response, nil
}

// mayMakeTopics says whether topics that a client asks for are made if they are not there.
func (c *call) mayMakeTopics(request *kmsg.MetadataRequest) bool {
	return c.server.config.AutoCreateTopics && (request.Version < 4 || request.AllowAutoTopicCreation)
}

// isNamedByID tells how a topic is asked for. Where there is an id, the name counts for
// nothing: the Java client, which looks for the names of what a group has assigned to it,
// sends the empty one.
func isNamedByID(asked kmsg.MetadataRequestTopic) bool {
	return asked.Topic == nil || asked.TopicID != [16]byte{}
}

// describeTopic answers for one topic that was asked for.
func (c *call) describeTopic(view topicView, asked kmsg.MetadataRequestTopic, mayCreate bool) kmsg.MetadataResponseTopic {
	if isNamedByID(asked) {
		if topic, ok := c.log().TopicByID(asked.TopicID); ok {
			return view.describe(topic)
		}
		answer := kmsg.NewMetadataResponseTopic()
		answer.TopicID = asked.TopicID
		answer.ErrorCode = kerr.UnknownTopicID.Code
		return answer
	}
	if topic, ok := c.log().Topic(*asked.Topic); ok {
		return view.describe(topic)
	}
	err := checkTopicName(*asked.Topic)
	if err == nil && mayCreate && !isInternalTopic(*asked.Topic) && *asked.Topic != topicMetadata {
		err = c.createTopic(command.Topic{Name: *asked.Topic, Partitions: c.server.config.TopicPartitions})
		if topic, ok := c.log().Topic(*asked.Topic); ok {
			return view.describe(topic)
		}
	}
	answer := kmsg.NewMetadataResponseTopic()
	answer.Topic, answer.IsInternal = asked.Topic, isInternalTopic(*asked.Topic)
	answer.ErrorCode = kerr.UnknownTopicOrPartition.Code
	if err != nil {
		answer.ErrorCode = errorCode(err)
	}
	return answer
}

// A topicView is what the metadata of all topics have in common.
type topicView struct {
	leader, epoch int32
	// Of the replicas, which are all nodes, each is either in sync or offline.
	replicas, inSync, offline []int32
}

func newTopicView(c *call, brokers []Broker) topicView {
	var view topicView
	view.leader, view.epoch = c.cluster().Leader()
	for _, broker := range brokers {
		view.replicas = append(view.replicas, broker.NodeID)
		if broker.IsFenced {
			view.offline = append(view.offline, broker.NodeID)
		} else {
			view.inSync = append(view.inSync, broker.NodeID)
		}
	}
	return view
}

func (view topicView) describe(topic command.Topic) kmsg.MetadataResponseTopic {
	answer := kmsg.NewMetadataResponseTopic()
	answer.Topic, answer.TopicID, answer.IsInternal = &topic.Name, topic.ID, isInternalTopic(topic.Name)
	answer.Partitions = make([]kmsg.MetadataResponseTopicPartition, topic.Partitions)
	for i := range answer.Partitions {
		partition := &answer.Partitions[i]
		partition.Default()
		partition.Partition = int32(i)
		partition.Leader, partition.LeaderEpoch = view.leader, view.epoch
		partition.Replicas, partition.ISR, partition.OfflineReplicas = view.replicas, view.inSync, view.offline
		if view.leader < 0 {
			partition.ErrorCode = kerr.LeaderNotAvailable.Code
		}
	}
	return answer
}

func (b Broker) rack() *string {
	if b.Rack == "" {
		return nil
	}
	return &b.Rack
}
