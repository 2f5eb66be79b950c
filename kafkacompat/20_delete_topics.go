package kafkacompat

import (
	"cmp"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DeleteTopics deletes topics with everything that is in them.
//
// Versions: 4 brought flexible encoding, 5 an error message, 6 deletion by topic
// id.
func init() {
	register(api{
		key: 20, versionMin: 0, versionMax: 6,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[]s@0-5 [ ns uuid ]@6+ i32"),
	}, deleteTopics)
}

func deleteTopics(c *call, request *kmsg.DeleteTopicsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DeleteTopicsResponse](request)
	asked := request.Topics
	for i := range request.TopicNames {
		asked = append(asked, kmsg.DeleteTopicsRequestTopic{Topic: &request.TopicNames[i]})
	}
	// What is named twice, be it once by name and once by id, is not deleted.
	asked, named := countNames(asked, func(one kmsg.DeleteTopicsRequestTopic) string {
		if topic, err := c.topic("", one.TopicID, true); one.Topic == nil && err == nil {
			return topic.Name
		}
		return deletionKey(one)
	})
	var names []string
	var ids []command.TopicID
	var places []int
	for i, one := range asked {
		answer := kmsg.NewDeleteTopicsResponseTopic()
		answer.Topic, answer.TopicID = one.Topic, one.TopicID
		name, id, err := c.topicToDelete(one)
		if err == nil {
			err = checkNotInternal(name)
		}
		if key := cmp.Or(name, deletionKey(one)); named[key] > 1 && errorCode(err) != errorCode(c.notController()) {
			if name != "" {
				answer.Topic = &name
			}
			err = fmt.Errorf("topic %s is named twice: %w", key, kerr.InvalidRequest)
		}
		if known, ok := c.log().Topic(name); err == nil && ok {
			err = c.mutate(known.Partitions, request.Version >= 5)
		}
		if err == nil {
			answer.Topic, answer.TopicID = &name, id
			names, ids, places = append(names, name), append(ids, id), append(places, i)
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Topics = append(response.Topics, answer)
	}
	if len(names) > 0 {
		for i, err := range c.proposeAdmin(request.TimeoutMillis, len(names), command.DeleteTopics{
			Names: names, TopicIDs: ids, NowUnixMilli: time.Now().UnixMilli(),
		}) {
			answer := &response.Topics[places[i]]
			answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		}
	}
	return response, nil
}

func deletionKey(asked kmsg.DeleteTopicsRequestTopic) string {
	if asked.Topic != nil {
		return *asked.Topic
	}
	return fmt.Sprintf("with id %x", asked.TopicID)
}

func (c *call) topicToDelete(asked kmsg.DeleteTopicsRequestTopic) (name string, id command.TopicID, err error) {
	isByID := asked.Topic == nil
	if !isByID {
		name = *asked.Topic
	}
	if isByID == (asked.TopicID == [16]byte{}) {
		return "", id, kerr.InvalidRequest
	}
	if !c.isLeader() {
		return "", id, c.notController()
	}
	topic, err := c.topic(name, asked.TopicID, isByID)
	return topic.Name, topic.ID, err
}
