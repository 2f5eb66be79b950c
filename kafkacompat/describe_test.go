package kafkacompat_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// A broker tells where a default comes from by the name that the configuration has there, and tells nothing where that has no default.
func TestSynonymsOfTopicConfigsHaveTheNamesOfABroker(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	change := kmsg.NewPtrIncrementalAlterConfigsRequest()
	one := kmsg.NewIncrementalAlterConfigsRequestResource()
	one.ResourceType, one.ResourceName = kmsg.ConfigResourceTypeTopic, "orders"
	for name, value := range map[string]string{"max.message.bytes": "1000", "retention.ms": "5000"} {
		one.Configs = append(one.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Value: &value})
	}
	change.Resources = append(change.Resources, one)
	if answer := ask[*kmsg.IncrementalAlterConfigsResponse](c, change).Resources[0]; answer.ErrorCode != 0 {
		t.Fatalf("%+v", answer)
	}
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Version, request.IncludeSynonyms = 4, true
	request.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders"}}
	got := make(map[string][]string)
	for _, config := range ask[*kmsg.DescribeConfigsResponse](c, request).Resources[0].Configs {
		for _, synonym := range config.ConfigSynonyms {
			got[config.Name] = append(got[config.Name], fmt.Sprintf("%s:%s=%s", synonym.Source, synonym.Name, *synonym.Value))
		}
	}
	for name, want := range map[string][]string{
		"max.message.bytes": {"DYNAMIC_TOPIC_CONFIG:max.message.bytes=1000", "DEFAULT_CONFIG:message.max.bytes=1048588"},
		"retention.ms":      {"DYNAMIC_TOPIC_CONFIG:retention.ms=5000"},
		"cleanup.policy":    {"DEFAULT_CONFIG:log.cleanup.policy=delete"},
		"flush.ms":          nil, "segment.jitter.ms": nil, "remote.storage.enable": nil,
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}

func TestGroupThatIsNotThereIsNamedInItsError(t *testing.T) {
	c := startServer(t).dial()
	classic := kmsg.NewPtrDescribeGroupsRequest()
	classic.Version, classic.Groups = 6, []string{"absent"}
	group := ask[*kmsg.DescribeGroupsResponse](c, classic).Groups[0]
	if group.ErrorCode != kerr.GroupIDNotFound.Code || group.ErrorMessage == nil || *group.ErrorMessage != "Group absent not found." {
		t.Errorf("%v, message %q", kerr.ErrorForCode(group.ErrorCode), *group.ErrorMessage)
	}
	consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumers.Groups = []string{"absent"}
	described := ask[*kmsg.ConsumerGroupDescribeResponse](c, consumers).Groups[0]
	if described.ErrorCode != kerr.GroupIDNotFound.Code || described.ErrorMessage == nil || *described.ErrorMessage != "Group absent not found." {
		t.Errorf("%v, message %q", kerr.ErrorForCode(described.ErrorCode), *described.ErrorMessage)
	}
}

// What clients and tools look for to know what a broker does.
func TestNodeTellsWhatItDoes(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.TopicPartitions = 3 })
	c := s.dial()
	request := describeConfigsRequest(kmsg.ConfigResourceTypeBroker, "1")
	request.IncludeSynonyms = true
	got := make(map[string]kmsg.DescribeConfigsResponseResourceConfig)
	for _, config := range ask[*kmsg.DescribeConfigsResponse](c, request).Resources[0].Configs {
		if _, isTwice := got[config.Name]; isTwice || config.Value == nil && config.Name != "broker.rack" || !config.ReadOnly {
			t.Errorf("%+v", config)
		}
		got[config.Name] = config
	}
	for name, want := range map[string]struct {
		value  string
		source kmsg.ConfigSource
	}{
		"node.id":                           {"1", kmsg.ConfigSourceStaticBrokerConfig},
		"num.partitions":                    {"3", kmsg.ConfigSourceStaticBrokerConfig},
		"auto.create.topics.enable":         {"false", kmsg.ConfigSourceStaticBrokerConfig},
		"delete.topic.enable":               {"true", kmsg.ConfigSourceStaticBrokerConfig},
		"connections.max.reauth.ms":         {"0", kmsg.ConfigSourceStaticBrokerConfig},
		"offset.metadata.max.bytes":         {"4096", kmsg.ConfigSourceStaticBrokerConfig},
		"group.consumer.session.timeout.ms": {"45000", kmsg.ConfigSourceStaticBrokerConfig},
		"message.max.bytes":                 {"1048588", kmsg.ConfigSourceDefaultConfig},
		"log.cleanup.policy":                {"delete", kmsg.ConfigSourceDefaultConfig},
		"compression.type":                  {"producer", kmsg.ConfigSourceDefaultConfig},
	} {
		if config := got[name]; config.Value == nil || *config.Value != want.value || config.Source != want.source {
			t.Errorf("%s: %+v, want %+v", name, config, want)
		}
	}
	for _, name := range []string{"log.retention.ms", "kont.scheduler", "retention.ms"} {
		if config, isThere := got[name]; isThere {
			t.Errorf("%+v", config)
		}
	}
	// A rack is null, and a default, as long as there is none.
	if rack := got["broker.rack"]; rack.Name == "" || rack.Value != nil || rack.Source != kmsg.ConfigSourceDefaultConfig {
		t.Errorf("of no rack: %+v", rack)
	}
	s.cluster.SetRack("a")
	request = describeConfigsRequest(kmsg.ConfigResourceTypeBroker, "1")
	request.Resources[0].ConfigNames = []string{"broker.rack"}
	rack := ask[*kmsg.DescribeConfigsResponse](c, request).Resources[0].Configs
	if len(rack) != 1 || rack[0].Value == nil || *rack[0].Value != "a" || rack[0].Source != kmsg.ConfigSourceStaticBrokerConfig {
		t.Errorf("of rack a: %+v", rack)
	}
}

func TestOnlyBrokersAreDescribedOfACluster(t *testing.T) {
	c := startServer(t).dial()
	for kind, want := range map[int8]int16{0: kerr.UnsupportedEndpointType.Code, 1: 0, 2: kerr.MismatchedEndpointType.Code, 3: kerr.UnsupportedEndpointType.Code} {
		request := kmsg.NewPtrDescribeClusterRequest()
		request.Version, request.EndpointType = 1, kind
		if response := ask[*kmsg.DescribeClusterResponse](c, request); response.ErrorCode != want || (len(response.Brokers) == 1) != (want == 0) {
			t.Errorf("type %d: %+v, want error %d", kind, response, want)
		}
	}
}
