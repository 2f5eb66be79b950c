package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// AlterConfigs replaces the explicit configuration of topics and groups: what the request
// doesn't name goes back to its default. Newer tools use IncrementalAlterConfigs.
//
// Versions: 2 brought flexible encoding.
//
// Left out: nodes as resources; they are configured where they are started.
func init() {
	register(api{
		key: 33, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ i8 s [ s ns ] ] bool"),
	}, alterConfigs)
}

func alterConfigs(c *call, request *kmsg.AlterConfigsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.AlterConfigsResponse](request)
	_, named := countNames(request.Resources, func(r kmsg.AlterConfigsRequestResource) resourceName {
		return resourceName{r.ResourceType, r.ResourceName}
	})
	for _, resource := range request.Resources {
		answer := kmsg.NewAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = resource.ResourceType, resource.ResourceName
		err := checkReplaced(resource.Configs)
		switch {
		case named[resourceName{resource.ResourceType, resource.ResourceName}] > 1:
			err = errResourceTwice
		case err != nil:
		case resource.ResourceType == kmsg.ConfigResourceTypeGroupConfig:
			err = c.alterGroup(c.replacedGroupConfigs(resource), request.ValidateOnly)
		default:
			err = c.alterTopic(resource.ResourceType, resource.ResourceName, request.ValidateOnly,
				func(topic command.Topic) (map[string]*string, error) {
					return replacedConfigs(topic, resource.Configs)
				})
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Resources = append(response.Resources, answer)
	}
	return response, nil
}

type resourceName struct {
	kind kmsg.ConfigResourceType
	name string
}

var errResourceTwice = fmt.Errorf("a resource is named twice: %w", kerr.InvalidRequest)

// checkReplaced refuses null, which may be meant to remove a configuration or to leave it, and two values of one.
func checkReplaced(wanted []kmsg.AlterConfigsRequestResourceConfig) error {
	seen := make(map[string]bool, len(wanted))
	for _, config := range wanted {
		if config.Value == nil {
			return fmt.Errorf("configuration %s is set to null: %w", config.Name, kerr.InvalidRequest)
		}
		if seen[config.Name] {
			return fmt.Errorf("configuration %s is named twice: %w", config.Name, kerr.InvalidRequest)
		}
		seen[config.Name] = true
	}
	return nil
}

func replacedConfigs(topic command.Topic, wanted []kmsg.AlterConfigsRequestResourceConfig) (map[string]*string, error) {
	changes := make(map[string]*string, len(wanted))
	for name := range topic.Configs {
		changes[name] = nil
	}
	for _, config := range wanted {
		value, err := keptConfig(config.Name, *config.Value)
		if err != nil {
			return nil, err
		}
		changes[config.Name] = &value
	}
	return changes, nil
}

func (c *call) replacedGroupConfigs(resource kmsg.AlterConfigsRequestResource) command.AlterGroupConfigs {
	change := command.AlterGroupConfigs{Group: resource.ResourceName, Set: make(map[string]string)}
	for _, config := range resource.Configs {
		change.Set[config.Name] = strings.TrimSpace(*config.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(c.log().GroupConfigs().ByGroup[resource.ResourceName])) {
		if _, isKept := change.Set[name]; !isKept {
			change.Remove = append(change.Remove, name)
		}
	}
	return change
}

// alterTopic makes the changes of one topic's configuration.
func (c *call) alterTopic(kind kmsg.ConfigResourceType, name string, isValidateOnly bool,
	changesFor func(command.Topic) (map[string]*string, error),
) error {
	if kind != kmsg.ConfigResourceTypeTopic {
		return fmt.Errorf("resources of type %s can't be altered by clients: %w", kind, kerr.InvalidRequest)
	}
	if name == "" {
		return fmt.Errorf("the topic's name is empty: %w", kerr.InvalidRequest)
	}
	if err := checkTopicName(name); err != nil {
		return err
	}
	if !c.isLeader() {
		return c.notController()
	}
	topic, ok := c.log().Topic(name)
	if !ok {
		return fmt.Errorf("topic %s: %w", name, command.ErrUnknownTopic)
	}
	if err := checkNotInternal(name); err != nil {
		return err
	}
	changes, err := changesFor(topic)
	if err == nil {
		err = checkTopicConfigs(withConfigs(topic, changes))
	}
	if err != nil || isValidateOnly || len(changes) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, adminTimeoutMin)
	defer cancel()
	result, err := c.log().Propose(ctx, command.AlterTopicConfigs{Topic: name, TopicID: topic.ID, Configs: changes})
	if refusal, ok := result.(error); ok {
		err = errors.Join(err, refusal)
	}
	return adminError(err)
}
