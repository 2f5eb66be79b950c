package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A cursor names the topic at which the next page begins: none that one may not describe, nor is a page empty for its sake.
func TestPagesOfTopicsHideNames(t *testing.T) {
	s := startServer(t, withAuthorizer())
	for i, name := range []string{"a", "mine", "n", "own", "z"} {
		s.makeTopic(name, byte(i+1))
	}
	c := s.dial()
	page := kmsg.NewPtrDescribeTopicPartitionsRequest()
	page.ResponsePartitionLimit = 1
	if answer := ask[*kmsg.DescribeTopicPartitionsResponse](c, page); len(answer.Topics) != 0 || answer.NextCursor != nil {
		t.Errorf("who may describe nothing: %+v, cursor %+v", answer.Topics, answer.NextCursor)
	}

	s.allow(kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic, "mine")
	s.allow(kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic, "own")
	c = s.dial()
	first := ask[*kmsg.DescribeTopicPartitionsResponse](c, page)
	if len(first.Topics) != 1 || *first.Topics[0].Topic != "mine" || first.NextCursor == nil || first.NextCursor.Topic != "own" {
		t.Fatalf("first page: %+v, cursor %+v", first.Topics, first.NextCursor)
	}
	page.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: first.NextCursor.Topic, Partition: first.NextCursor.Partition}
	second := ask[*kmsg.DescribeTopicPartitionsResponse](c, page)
	if len(second.Topics) != 1 || *second.Topics[0].Topic != "own" || second.NextCursor != nil {
		t.Errorf("second page: %+v, cursor %+v", second.Topics, second.NextCursor)
	}
}
