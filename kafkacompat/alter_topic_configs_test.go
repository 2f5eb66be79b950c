package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// replaceTopic answers the error of AlterConfigs for a topic.
func replaceTopic(c *rawConn, topic string, configs ...kmsg.AlterConfigsRequestResourceConfig) int16 {
	request := kmsg.NewPtrAlterConfigsRequest()
	request.Version = 2
	request.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic, Configs: configs}}
	return ask[*kmsg.AlterConfigsResponse](c, request).Resources[0].ErrorCode
}

// topicConfig is the value of one configuration as DescribeConfigs tells it, and its source.
func topicConfig(c *rawConn, topic, name string) (string, kmsg.ConfigSource) {
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Version = 4
	request.IncludeSynonyms = true
	request.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic, ConfigNames: []string{name}}}
	answer := ask[*kmsg.DescribeConfigsResponse](c, request).Resources[0]
	if answer.ErrorCode != 0 || len(answer.Configs) != 1 {
		c.t.Fatalf("%s of %s: %+v", name, topic, answer)
	}
	config := answer.Configs[0]
	if config.Source == kmsg.ConfigSourceDynamicTopicConfig && *config.ConfigSynonyms[0].Value != *config.Value {
		c.t.Errorf("%s is %q, as a synonym %q", name, *config.Value, *config.ConfigSynonyms[0].Value)
	}
	return *config.Value, config.Source
}

func TestReplacedConfigsHaveAValueEach(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	value := func(name, value string) kmsg.AlterConfigsRequestResourceConfig {
		return kmsg.AlterConfigsRequestResourceConfig{Name: name, Value: &value}
	}
	if code := replaceTopic(c, "orders", value("retention.ms", "7"), value("cleanup.policy", "compact")); code != 0 {
		t.Fatal(code)
	}
	for name, configs := range map[string][]kmsg.AlterConfigsRequestResourceConfig{
		"null":  {{Name: "retention.ms"}},
		"twice": {value("retention.ms", "8"), value("retention.ms", "9")},
	} {
		if code := replaceTopic(c, "orders", configs...); code != kerr.InvalidRequest.Code {
			t.Errorf("%s: error %d", name, code)
		}
	}
	if value, source := topicConfig(c, "orders", "retention.ms"); value != "7" || source != kmsg.ConfigSourceDynamicTopicConfig {
		t.Errorf("after what was refused: %s of %s", value, source)
	}
	request := kmsg.NewPtrAlterConfigsRequest()
	request.Resources = []kmsg.AlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "g", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "consumer.session.timeout.ms"}},
	}}
	if code := ask[*kmsg.AlterConfigsResponse](c, request).Resources[0].ErrorCode; code != kerr.InvalidRequest.Code {
		t.Errorf("null for a group: error %d", code)
	}
	if code := replaceTopic(c, "orders", value("retention.ms", "8")); code != 0 {
		t.Error(code)
	}
	if value, _ := topicConfig(c, "orders", "cleanup.policy"); value != "delete" {
		t.Errorf("what is not named any more is %s", value)
	}
}
