package kafkacompat

import (
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
	asked, isRepeated := onceEach(asked)
	var names []string
	var places []int
	isNamed := make(map[string]bool, len(asked))
	for i, one := range asked {
		answer := kmsg.NewDeleteTopicsResponseTopic()
		answer.Topic, answer.TopicID = one.Topic, one.TopicID
		name, id, err := c.topicToDelete(one)
		switch {
		case isRepeated[i] || err == nil && isNamed[name]:
			err = fmt.Errorf("a topic is there twice: %w", kerr.InvalidRequest)
		case err == nil:
			err = checkNotInternal(name)
		}
		if known, ok := c.log().Topic(name); err == nil && ok {
			err = c.mutate(known.Partitions, request.Version >= 5)
		}
		if err == nil {
			answer.Topic, answer.TopicID = &name, id
			names, places = append(names, name), append(places, i)
			isNamed[name] = true
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Topics = append(response.Topics, answer)
	}
	if len(names) > 0 {
		for i, err := range c.proposeEach(request.TimeoutMillis, len(names), command.DeleteTopics{
			Names: names, NowUnixMilli: time.Now().UnixMilli(),
		}) {
			answer := &response.Topics[places[i]]
			answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		}
	}
	return response, nil
}

// onceEach leaves out what is there again, and tells of what is left whether it was.
func onceEach(asked []kmsg.DeleteTopicsRequestTopic) (once []kmsg.DeleteTopicsRequestTopic, isRepeated []bool) {
	type key struct {
		name    string
		hasName bool
		id      command.TopicID
	}
	places := make(map[key]int, len(asked))
	for _, one := range asked {
		k := key{id: one.TopicID}
		if one.Topic != nil {
			k.name, k.hasName = *one.Topic, true
		}
		if at, isThere := places[k]; isThere {
			isRepeated[at] = true
			continue
		}
		places[k] = len(once)
		once, isRepeated = append(once, one), append(isRepeated, false)
	}
	return once, isRepeated
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
		return "", id, kerr.NotController
	}
	topic, err := c.topic(name, asked.TopicID, isByID)
	return topic.Name, topic.ID, err
}
