package kafkacompat

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DescribeConfigs lists the configuration of topics, and of the node what Kafka's
// tools ask of a broker.
//
// Versions: 1 brought sources and synonyms, 3 types and documentation, 4 flexible
// encoding.
//
// Left out: loggers and client metrics as resources.
func init() {
	register(api{
		key: 32, versionMin: 0, versionMax: 4,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[ i8 s []s ] bool@1+ bool@3+"),
	}, describeConfigs)
}

func describeConfigs(c *call, request *kmsg.DescribeConfigsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeConfigsResponse](request)
	type named struct {
		kind kmsg.ConfigResourceType
		name string
	}
	once, _ := countNames(request.Resources, func(r kmsg.DescribeConfigsRequestResource) named { return named{r.ResourceType, r.ResourceName} })
	for _, resource := range once {
		answer := kmsg.NewDescribeConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = resource.ResourceType, resource.ResourceName
		configs, err := c.configsOf(resource)
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		for _, config := range configs {
			// Null asks for all; Kafka takes an empty list for all, too.
			if len(resource.ConfigNames) > 0 && !slices.Contains(resource.ConfigNames, config.Name) {
				continue
			}
			if !request.IncludeSynonyms {
				config.ConfigSynonyms = nil
			}
			if !request.IncludeDocumentation {
				config.Documentation = nil
			}
			answer.Configs = append(answer.Configs, config)
		}
		response.Resources = append(response.Resources, answer)
	}
	return response, nil
}

func (c *call) configsOf(resource kmsg.DescribeConfigsRequestResource) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	switch resource.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if err := checkTopicName(resource.ResourceName); err != nil {
			return nil, err
		}
		topic, ok := c.log().Topic(resource.ResourceName)
		if !ok {
			return nil, fmt.Errorf("topic %s: %w", resource.ResourceName, command.ErrUnknownTopic)
		}
		return describeTopicConfigs(topic), nil
	case kmsg.ConfigResourceTypeBroker:
		if resource.ResourceName == "" {
			return nil, nil // what is set for all brokers while they run: nothing is
		}
		id := strconv.Itoa(int(c.cluster().NodeID()))
		if resource.ResourceName != id {
			return nil, fmt.Errorf("this is node %s, not %q: %w", id, resource.ResourceName, kerr.InvalidRequest)
		}
		return c.describeNodeConfigs(id), nil
	case kmsg.ConfigResourceTypeGroupConfig:
		return c.describeGroupConfigs(resource.ResourceName)
	default:
		return nil, fmt.Errorf("resources of type %s have no configuration here: %w", resource.ResourceType, kerr.InvalidRequest)
	}
}

func describeTopicConfigs(topic command.Topic) []kmsg.DescribeConfigsResponseResourceConfig {
	answers := make([]kmsg.DescribeConfigsResponseResourceConfig, 0, len(topicConfigs))
	for _, config := range topicConfigs {
		value, isSet := topicConfigValue(topic, config)
		answer := kmsg.NewDescribeConfigsResponseResourceConfig()
		answer.Name, answer.Value = config.name, &value
		answer.Source, answer.IsDefault = configSource(isSet), !isSet
		answer.ConfigType = config.kind
		answer.Documentation = &config.documentation
		if isSet {
			answer.ConfigSynonyms = append(answer.ConfigSynonyms, synonym(config.name, value, configSource(true)))
		}
		if config.synonym != "" && !slices.Contains(synonymsWithoutDefault, config.synonym) {
			answer.ConfigSynonyms = append(answer.ConfigSynonyms, synonym(config.synonym, config.otherwise, configSource(false)))
		}
		answers = append(answers, answer)
	}
	return answers
}

// synonymsWithoutDefault are a broker's configurations that have no default of their own, but that of one in other units, and are told by no broker.
var synonymsWithoutDefault = []string{"log.flush.interval.ms", "log.retention.ms", "log.roll.jitter.ms", "log.roll.ms"}

func synonym(name, value string, source kmsg.ConfigSource) kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = name, &value, source
	return s
}

// configBrokerRack is null for a node that stands nowhere in particular.
const configBrokerRack = "broker.rack"

// describeNodeConfigs is what the node was started with, by Kafka's names, and what its topics have by default. It can't be altered while the node runs.
func (c *call) describeNodeConfigs(id string) []kmsg.DescribeConfigsResponseResourceConfig {
	config := &c.server.config
	rows := []struct {
		name, value string
		kind        kmsg.ConfigType
	}{
		{"auto.create.topics.enable", strconv.FormatBool(config.AutoCreateTopics), kmsg.ConfigTypeBoolean},
		{"broker.id", id, kmsg.ConfigTypeInt},
		{configBrokerRack, c.broker(c.cluster().NodeID()).Rack, kmsg.ConfigTypeString},
		{"connections.max.idle.ms", strconv.FormatInt(config.IdleTimeout.Milliseconds(), 10), kmsg.ConfigTypeLong},
		{"connections.max.reauth.ms", strconv.FormatInt(c.how.ReauthenticateAfter.Milliseconds(), 10), kmsg.ConfigTypeLong},
		{"default.replication.factor", strconv.Itoa(len(c.cluster().Brokers(c.listener))), kmsg.ConfigTypeInt},
		{"delete.topic.enable", "true", kmsg.ConfigTypeBoolean},
		{"fetch.max.bytes", strconv.Itoa(config.FetchBytesMax), kmsg.ConfigTypeInt},
		{"group.consumer.heartbeat.interval.ms", strconv.FormatInt(config.Groups.ConsumerHeartbeatInterval.Milliseconds(), 10), kmsg.ConfigTypeInt},
		{"group.consumer.session.timeout.ms", strconv.FormatInt(config.Groups.ConsumerSessionTimeout.Milliseconds(), 10), kmsg.ConfigTypeInt},
		{"group.initial.rebalance.delay.ms", strconv.FormatInt(config.Groups.InitialRebalanceDelay.Milliseconds(), 10), kmsg.ConfigTypeInt},
		{"group.max.session.timeout.ms", strconv.FormatInt(config.Groups.SessionTimeoutMax.Milliseconds(), 10), kmsg.ConfigTypeInt},
		{"group.max.size", strconv.Itoa(config.Groups.MembersMax), kmsg.ConfigTypeInt},
		{"group.min.session.timeout.ms", strconv.FormatInt(config.Groups.SessionTimeoutMin.Milliseconds(), 10), kmsg.ConfigTypeInt},
		{"max.connections", strconv.Itoa(config.ConnectionsMax), kmsg.ConfigTypeInt},
		{"max.connections.per.ip", strconv.Itoa(config.ConnectionsPerAddressMax), kmsg.ConfigTypeInt},
		{"max.incremental.fetch.session.cache.slots", strconv.Itoa(config.FetchSessionsMax), kmsg.ConfigTypeInt},
		{"node.id", id, kmsg.ConfigTypeInt},
		{"num.partitions", strconv.Itoa(int(config.TopicPartitions)), kmsg.ConfigTypeInt},
		{"offset.metadata.max.bytes", strconv.Itoa(offsetMetadataBytesMax), kmsg.ConfigTypeInt},
		{"socket.request.max.bytes", strconv.Itoa(config.RequestBytesMax), kmsg.ConfigTypeInt},
		{"transaction.max.timeout.ms", strconv.FormatInt(config.TransactionTimeoutMax.Milliseconds(), 10), kmsg.ConfigTypeInt},
	}
	answers := make([]kmsg.DescribeConfigsResponseResourceConfig, 0, len(rows))
	for _, row := range rows {
		answer := kmsg.NewDescribeConfigsResponseResourceConfig()
		answer.Name, answer.Value = row.name, &row.value
		answer.ReadOnly, answer.ConfigType = true, row.kind
		answer.Source = kmsg.ConfigSourceStaticBrokerConfig
		if row.name == configBrokerRack && row.value == "" {
			answer.Value, answer.Source, answer.IsDefault = nil, kmsg.ConfigSourceDefaultConfig, true
		}
		answers = append(answers, answer)
	}
	return append(answers, describeTopicDefaults()...)
}

// describeTopicDefaults is what topics have that don't set it, by the names of a broker.
func describeTopicDefaults() []kmsg.DescribeConfigsResponseResourceConfig {
	var answers []kmsg.DescribeConfigsResponseResourceConfig
	for _, config := range topicConfigs {
		if config.synonym == "" || slices.Contains(synonymsWithoutDefault, config.synonym) {
			continue
		}
		answer := kmsg.NewDescribeConfigsResponseResourceConfig()
		answer.Name, answer.Value, answer.Documentation = config.synonym, &config.otherwise, &config.documentation
		answer.ReadOnly, answer.ConfigType = true, config.kind
		answer.Source, answer.IsDefault = kmsg.ConfigSourceDefaultConfig, true
		answer.ConfigSynonyms = append(answer.ConfigSynonyms, synonym(config.synonym, config.otherwise, configSource(false)))
		answers = append(answers, answer)
	}
	return answers
}
