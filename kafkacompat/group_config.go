package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// The configuration of groups: what the server tells members of the new protocol (KIP-848) for all groups, and other values for single ones. Members hear of
// a change with their next heartbeat. A group keeps its configuration when it is deleted, and may have some before it is there.

// groupConfig is one that can be set of a group; byServer is what all groups have that don't set it.
type groupConfig struct {
	name          string
	synonym       string
	byServer      func(*GroupConfig) time.Duration
	documentation string
}

const (
	configGroupSession   = "consumer.session.timeout.ms"
	configGroupHeartbeat = "consumer.heartbeat.interval.ms"
)

// groupConfigs are sorted by name.
var groupConfigs = []groupConfig{
	{name: configGroupHeartbeat, synonym: "group.consumer.heartbeat.interval.ms", byServer: func(c *GroupConfig) time.Duration { return c.ConsumerHeartbeatInterval },
		documentation: "How often members of the consumer protocol are to send heartbeats, in milliseconds."},
	{name: configGroupSession, synonym: "group.consumer.session.timeout.ms", byServer: func(c *GroupConfig) time.Duration { return c.ConsumerSessionTimeout },
		documentation: "After how long without a heartbeat a member of the consumer protocol is out of its group, in milliseconds."},
}

// groupMilli is a configuration of a group, whose name must be known.
func groupMilli(log Log, config *GroupConfig, group, name string) time.Duration {
	if value, isSet := log.GroupConfigs().ByGroup[group][name]; isSet {
		if milli, err := strconv.ParseInt(value, 10, 32); err == nil && milli > 0 {
			return time.Duration(milli) * time.Millisecond
		}
	}
	i := slices.IndexFunc(groupConfigs, func(c groupConfig) bool { return c.name == name })
	return groupConfigs[i].byServer(config)
}

func (c *call) describeGroupConfigs(group string) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	if group == "" {
		return nil, fmt.Errorf("the group's name is empty: %w", kerr.InvalidRequest)
	}
	set := c.log().GroupConfigs().ByGroup[group]
	var answers []kmsg.DescribeConfigsResponseResourceConfig
	for _, config := range groupConfigs {
		answer := kmsg.NewDescribeConfigsResponseResourceConfig()
		byServer := strconv.FormatInt(config.byServer(&c.server.config.Groups).Milliseconds(), 10)
		answer.Name, answer.Value, answer.ConfigType = config.name, &byServer, kmsg.ConfigTypeInt
		answer.Source, answer.IsDefault = kmsg.ConfigSourceDefaultConfig, true
		answer.Documentation = &config.documentation
		if value, isSet := set[config.name]; isSet {
			answer.Value, answer.Source, answer.IsDefault = &value, kmsg.ConfigSourceGroupConfig, false
			answer.ConfigSynonyms = append(answer.ConfigSynonyms, synonym(config.name, value, kmsg.ConfigSourceGroupConfig))
		}
		answer.ConfigSynonyms = append(answer.ConfigSynonyms, synonym(config.synonym, byServer, kmsg.ConfigSourceDefaultConfig))
		answers = append(answers, answer)
	}
	return answers, nil
}

// groupChange turns the operations of IncrementalAlterConfigs into a change.
func groupChange(group string, wanted []kmsg.IncrementalAlterConfigsRequestResourceConfig) (command.AlterGroupConfigs, error) {
	change := command.AlterGroupConfigs{Group: group, Set: make(map[string]string)}
	for _, asked := range wanted {
		switch _, isTwice := change.Set[asked.Name]; {
		case isTwice || slices.Contains(change.Remove, asked.Name):
			return change, fmt.Errorf("group configuration %s is named twice: %w", asked.Name, kerr.InvalidRequest)
		case asked.Op == kmsg.IncrementalAlterConfigOpDelete:
			change.Remove = append(change.Remove, asked.Name)
		case asked.Op != kmsg.IncrementalAlterConfigOpSet:
			return change, fmt.Errorf("group configuration %s is no list: %w", asked.Name, kerr.InvalidConfig)
		case asked.Value == nil:
			return change, fmt.Errorf("group configuration %s is set to null: %w", asked.Name, kerr.InvalidRequest)
		default:
			change.Set[asked.Name] = strings.TrimSpace(*asked.Value)
		}
	}
	return change, nil
}

// alterGroup makes a change of a group's configuration.
func (c *call) alterGroup(change command.AlterGroupConfigs, isValidateOnly bool) error {
	if !c.isLeader() {
		return c.notController()
	}
	err := c.checkGroupChange(change)
	if err != nil || isValidateOnly || len(change.Set)+len(change.Remove) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, adminTimeoutMin)
	defer cancel()
	result, err := c.log().Propose(ctx, change)
	if refusal, ok := result.(error); ok {
		err = errors.Join(err, refusal)
	}
	return adminError(err)
}

// checkGroupChange refuses what is unknown, and a session that ends before the next heartbeat.
func (c *call) checkGroupChange(change command.AlterGroupConfigs) error {
	if change.Group == "" {
		return fmt.Errorf("the group's name is empty: %w", kerr.InvalidRequest)
	}
	most := c.server.config.Groups.SessionTimeoutMax.Milliseconds()
	milli := make(map[string]int64)
	for _, config := range groupConfigs {
		milli[config.name] = groupMilli(c.log(), &c.server.config.Groups, change.Group, config.name).Milliseconds()
		if slices.Contains(change.Remove, config.name) {
			milli[config.name] = config.byServer(&c.server.config.Groups).Milliseconds()
		}
	}
	for name, value := range change.Set {
		if _, isKnown := milli[name]; !isKnown {
			return fmt.Errorf("unknown group configuration %q: %w", name, kerr.InvalidConfig)
		}
		number, err := strconv.ParseInt(value, 10, 32)
		if err != nil || number < 1 || number > most {
			return fmt.Errorf("%s=%q, must be a number from 1 to %d: %w", name, value, most, kerr.InvalidConfig)
		}
		milli[name] = number
	}
	if heartbeat, session := milli[configGroupHeartbeat], milli[configGroupSession]; heartbeat >= session {
		return fmt.Errorf("%s=%d must be less than %s=%d: %w", configGroupHeartbeat, heartbeat, configGroupSession, session, kerr.InvalidConfig)
	}
	return nil
}
