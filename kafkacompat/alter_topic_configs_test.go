package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	setConfig      = kmsg.IncrementalAlterConfigOpSet
	removeConfig   = kmsg.IncrementalAlterConfigOpDelete
	appendConfig   = kmsg.IncrementalAlterConfigOpAppend
	subtractConfig = kmsg.IncrementalAlterConfigOpSubtract
)

func configOp(op kmsg.IncrementalAlterConfigOp, name, value string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
	return kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: op, Value: &value}
}

// changeTopic answers the error of IncrementalAlterConfigs for a topic.
func changeTopic(c *rawConn, topic string, configs ...kmsg.IncrementalAlterConfigsRequestResourceConfig) int16 {
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Version = 1
	request.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic, Configs: configs}}
	return ask[*kmsg.IncrementalAlterConfigsResponse](c, request).Resources[0].ErrorCode
}

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

func TestTopicConfigsAreTakenAsKafkaReadsThem(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	const refused = "refused"
	for _, test := range []struct{ name, value, want string }{
		{"retention.ms", " 77 ", "77"},
		{"retention.ms", "+5", "5"},
		{"retention.ms", "5.0", refused},
		{"min.cleanable.dirty.ratio", " 0.7 ", "0.7"},
		{"preallocate", "TRUE", "true"},
		{"preallocate", " False", "false"},
		{"preallocate", "yes", refused},
		{"remote.storage.enable", "FALSE", "false"},
		{"remote.storage.enable", "True", refused},
		{"remote.log.copy.disable", "true", "true"},
		{"remote.log.delete.on.disable", "true", "true"},
		{"compression.type", " lz4", "lz4"},
		{"compression.type", "LZ4", refused},
		{"cleanup.policy", "", ""},
		{"cleanup.policy", " delete, compact ", "delete,compact"},
		{"cleanup.policy", "delete,", refused},
		{"cleanup.policy", ",delete", refused},
		{"cleanup.policy", ",", refused},
		{"segment.bytes", "14", "14"},
		{"segment.bytes", "13", refused},
		{"follower.replication.throttled.replicas", "0:1, 1:1", "0:1,1:1"},
	} {
		code := changeTopic(c, "orders", configOp(setConfig, test.name, test.value))
		if test.want == refused {
			if code != kerr.InvalidConfig.Code {
				t.Errorf("%s=%q: error %d", test.name, test.value, code)
			}
			continue
		}
		if value, source := topicConfig(c, "orders", test.name); code != 0 || value != test.want || source != kmsg.ConfigSourceDynamicTopicConfig {
			t.Errorf("%s=%q: error %d, and then it is %q of %s, want %q", test.name, test.value, code, value, source, test.want)
		}
	}
}

// What the state machine compares with words is stored without what a client wrote around it.
func TestTopicConfigsAreStoredPlain(t *testing.T) {
	s := startServer(t)
	s.createTopic("a", 1)
	s.createTopic("b", 1)
	c := s.dial()
	spaced := " builtin "
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Version = 7
	request.Topics = []kmsg.CreateTopicsRequestTopic{{
		Topic: "created", NumPartitions: 1, ReplicationFactor: 1, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "kont.scheduler", Value: &spaced}},
	}}
	if answer := ask[*kmsg.CreateTopicsResponse](c, request).Topics[0]; answer.ErrorCode != 0 {
		t.Fatal(*answer.ErrorMessage)
	}
	if code := changeTopic(c, "a", configOp(setConfig, "kont.scheduler", spaced)); code != 0 {
		t.Error(code)
	}
	if code := replaceTopic(c, "b", kmsg.AlterConfigsRequestResourceConfig{Name: "kont.scheduler", Value: &spaced}); code != 0 {
		t.Error(code)
	}
	for _, name := range []string{"created", "a", "b"} {
		if topic, _ := s.log.Topic(name); topic.Configs["kont.scheduler"] != "builtin" {
			t.Errorf("%s: %q", name, topic.Configs)
		}
	}
}

func TestConfigsOfNoTopicAreRefused(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	for topic, want := range map[string]*kerr.Error{"": kerr.InvalidRequest, "a b": kerr.InvalidTopicException, "nobody": kerr.UnknownTopicOrPartition} {
		if code := changeTopic(c, topic, configOp(setConfig, "retention.ms", "5")); code != want.Code {
			t.Errorf("%q: error %d, want %d", topic, code, want.Code)
		}
		if code := replaceTopic(c, topic); code != want.Code {
			t.Errorf("%q: error %d of AlterConfigs, want %d", topic, code, want.Code)
		}
	}
	// What is not there can be removed, but not set.
	if code := changeTopic(c, "orders", configOp(removeConfig, "colour", "")); code != 0 {
		t.Errorf("removing what is not there: error %d", code)
	}
	if code := changeTopic(c, "orders", configOp(setConfig, "retention.ms", "5"), configOp(setConfig, "colour", "")); code != kerr.InvalidConfig.Code {
		t.Errorf("setting what is not there: error %d", code)
	}
	if code := changeTopic(c, "orders", kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: "colour"}); code != kerr.InvalidRequest.Code {
		t.Errorf("null: error %d", code)
	}
	if value, _ := topicConfig(c, "orders", "retention.ms"); value != "604800000" {
		t.Errorf("half of a change that is refused: %s", value)
	}
}

func TestWordsAreAppendedAndSubtracted(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	const policy = "cleanup.policy"
	for i, step := range []struct {
		op          kmsg.IncrementalAlterConfigOp
		value, want string
	}{
		{appendConfig, "compact", "delete,compact"}, {appendConfig, "compact", "delete,compact"}, {subtractConfig, "delete", "compact"},
		{subtractConfig, "compact", ""}, {removeConfig, "", "delete"}, {subtractConfig, "delete", ""},
	} {
		code := changeTopic(c, "orders", configOp(step.op, policy, step.value))
		if value, _ := topicConfig(c, "orders", policy); code != 0 || value != step.want {
			t.Errorf("step %d: error %d, %q, want %q", i, code, value, step.want)
		}
	}
	if code := changeTopic(c, "orders", configOp(appendConfig, "retention.ms", "5")); code != kerr.InvalidConfig.Code {
		t.Errorf("appending to a number: error %d", code)
	}
}
