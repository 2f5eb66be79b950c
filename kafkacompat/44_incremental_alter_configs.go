package kafkacompat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// IncrementalAlterConfigs sets and removes single configurations of topics and groups, and
// appends to and subtracts from those that are lists (KIP-339).
//
// Versions: 1 brought flexible encoding.
//
// Left out: setting what belongs to a node, which is configured where it is started.
func init() {
	register(api{
		key: 44, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ i8 s [ s i8 ns ] ] bool"),
	}, incrementalAlterConfigs)
}

func incrementalAlterConfigs(c *call, request *kmsg.IncrementalAlterConfigsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.IncrementalAlterConfigsResponse](request)
	_, named := countNames(request.Resources, func(r kmsg.IncrementalAlterConfigsRequestResource) resourceName {
		return resourceName{r.ResourceType, r.ResourceName}
	})
	for _, resource := range request.Resources {
		answer := kmsg.NewIncrementalAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = resource.ResourceType, resource.ResourceName
		var err error
		switch isTwice := named[resourceName{resource.ResourceType, resource.ResourceName}] > 1; {
		case isTwice:
			err = errResourceTwice
		case resource.ResourceType == kmsg.ConfigResourceTypeBroker:
			err = c.checkNodeChange(resource)
		case resource.ResourceType == kmsg.ConfigResourceTypeGroupConfig:
			var change command.AlterGroupConfigs
			if change, err = groupChange(resource.ResourceName, resource.Configs); err == nil {
				err = c.alterGroup(change, request.ValidateOnly)
			}
		default:
			err = c.alterTopic(resource.ResourceType, resource.ResourceName, request.ValidateOnly,
				func(topic command.Topic) (map[string]*string, error) {
					return changedConfigs(topic, resource.Configs)
				})
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Resources = append(response.Resources, answer)
	}
	return response, nil
}

// checkNodeChange refuses to set anything of a node. What was never set may be removed, and is removed by kafka-reassign-partitions, which
// takes the throttles from brokers when it verifies and cancels, whether there are any or not.
func (c *call) checkNodeChange(resource kmsg.IncrementalAlterConfigsRequestResource) error {
	isNode := func(b Broker) bool { return fmt.Sprint(b.NodeID) == resource.ResourceName }
	if resource.ResourceName != "" && !slices.ContainsFunc(c.cluster().Brokers(c.listener), isNode) {
		return fmt.Errorf("there is no node %q: %w", resource.ResourceName, kerr.InvalidRequest)
	}
	for _, asked := range resource.Configs {
		if asked.Op != kmsg.IncrementalAlterConfigOpDelete {
			return fmt.Errorf("%s can't be set while the node runs; nodes are configured where they are started: %w", asked.Name, kerr.InvalidRequest)
		}
	}
	return nil
}

func changedConfigs(topic command.Topic, wanted []kmsg.IncrementalAlterConfigsRequestResourceConfig) (map[string]*string, error) {
	changes := make(map[string]*string, len(wanted))
	for _, asked := range wanted {
		if _, isTwice := changes[asked.Name]; isTwice {
			return nil, fmt.Errorf("topic configuration %s is named twice: %w", asked.Name, kerr.InvalidRequest)
		}
		if asked.Op == kmsg.IncrementalAlterConfigOpDelete {
			// What there is not is gone, too, as on a broker: a tool may take back what another release knew.
			changes[asked.Name] = nil
			continue
		}
		if asked.Value == nil {
			return nil, fmt.Errorf("topic configuration %s is set to null: %w", asked.Name, kerr.InvalidRequest)
		}
		config, ok := findTopicConfig(asked.Name)
		if !ok {
			return nil, fmt.Errorf("unknown topic configuration %q: %w", asked.Name, kerr.InvalidConfig)
		}
		value, err := combined(topic, config, asked.Op, *asked.Value)
		if err == nil {
			value, err = keptConfig(asked.Name, value)
		}
		if err != nil {
			return nil, err
		}
		changes[asked.Name] = &value
	}
	return changes, nil
}

// combined is the value that an operation leads to.
func combined(topic command.Topic, config topicConfig, op kmsg.IncrementalAlterConfigOp, value string) (string, error) {
	switch op {
	case kmsg.IncrementalAlterConfigOpSet:
		return value, nil
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
	default:
		return "", fmt.Errorf("topic configuration %s: unknown operation %d: %w", config.name, op, kerr.InvalidRequest)
	}
	if config.kind != kmsg.ConfigTypeList {
		return "", fmt.Errorf("topic configuration %s is no list: %w", config.name, kerr.InvalidConfig)
	}
	before, _ := topicConfigValue(topic, config)
	words := configWords(before)
	for _, word := range configWords(value) {
		i := slices.Index(words, word)
		switch {
		case op == kmsg.IncrementalAlterConfigOpAppend && i < 0:
			words = append(words, word)
		case op == kmsg.IncrementalAlterConfigOpSubtract && i >= 0:
			words = slices.Delete(words, i, i+1)
		}
	}
	return strings.Join(words, ","), nil
}
