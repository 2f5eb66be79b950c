package statemachine

import (
	"encoding/binary"
	"maps"
	"slices"

	"kont/statemachine/command"
)

// noGroupConfigs is what a store has where nothing is set of groups.
var noGroupConfigs = &command.GroupConfigs{}

func (c *change) applyAlterGroupConfigs(com *command.AlterGroupConfigs) error {
	configs := maps.Clone(c.work.groupConfigs.ByGroup[com.Group])
	if configs == nil {
		configs = map[string]string{}
	}
	maps.Copy(configs, com.Set)
	for _, name := range com.Remove {
		delete(configs, name)
	}
	if err := checkGroupConfigs(com.Group, configs); err != nil {
		return err
	}
	// Copied: readers have the one before.
	all := maps.Clone(c.work.groupConfigs.ByGroup)
	if all == nil {
		all = map[string]map[string]string{}
	}
	key := c.key.GroupConfigOf(com.Group)
	if len(configs) == 0 {
		delete(all, com.Group)
		c.delete(key)
	} else {
		if _, exists := all[com.Group]; !exists && len(all) >= GroupsWithConfigsMax {
			return limitError("groups with configurations", len(all)+1, GroupsWithConfigsMax)
		}
		all[com.Group] = configs
		c.value = encodeGroupConfigs(c.value[:0], configs)
		c.set(key, c.value)
	}
	c.work.groupConfigs = &command.GroupConfigs{ByGroup: all}
	return nil
}

func checkGroupConfigs(group string, configs map[string]string) error {
	if len(group) > GroupNameBytesMax {
		return limitError("bytes of a group's name", len(group), GroupNameBytesMax)
	}
	if len(configs) > ConfigsOfGroupMax {
		return limitError("configurations of a group", len(configs), ConfigsOfGroupMax)
	}
	for name, value := range configs {
		if bytes := len(name) + len(value); bytes > TopicConfigBytesMax {
			return limitError("bytes of a group's configuration", bytes, TopicConfigBytesMax)
		}
	}
	return nil
}

func encodeGroupConfigs(dst []byte, configs map[string]string) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(len(configs)))
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		dst = appendString(appendString(dst, name), configs[name])
	}
	return dst
}

func decodeGroupConfigs(value []byte) (map[string]string, error) {
	r := readValue(value)
	n := r.count()
	configs := make(map[string]string, n)
	for range n {
		name := r.string()
		configs[name] = r.string()
	}
	return configs, r.end("group configs")
}

func (im *image) loadGroupConfigs(key, value []byte) error {
	configs, err := decodeGroupConfigs(value)
	if im.groupConfigs == noGroupConfigs {
		im.groupConfigs = &command.GroupConfigs{ByGroup: map[string]map[string]string{}}
	}
	im.groupConfigs.ByGroup[string(key[1:])] = configs
	return err
}

// GroupConfigs are what is set of groups. The pointer differs whenever they do; nobody may change what it leads to.
func (s *Store) GroupConfigs() (configs *command.GroupConfigs) {
	s.view(func(im *image) { configs = im.groupConfigs })
	return configs
}
