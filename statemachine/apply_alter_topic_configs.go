package statemachine

import (
	"fmt"
	"maps"

	"kont/statemachine/command"
)

func (c *change) applyAlterTopicConfigs(com *command.AlterTopicConfigs) error {
	t := c.work.topics[com.Topic]
	if t == nil || com.TopicID != (command.TopicID{}) && t.spec.ID != com.TopicID {
		return fmt.Errorf("%w: %q", command.ErrUnknownTopic, com.Topic)
	}
	configs := maps.Clone(t.spec.Configs)
	if configs == nil {
		configs = map[string]string{}
	}
	for name, value := range com.Configs {
		if value == nil {
			delete(configs, name)
		} else {
			configs[name] = *value
		}
	}
	if err := checkConfigs(configs); err != nil {
		return err
	}
	t.spec.Configs = configs
	c.writeTopic(t)
	return nil
}
