package statemachine

import (
	"bytes"

	"kont/statemachine/command"
)

// applyStoreGroup is all or nothing: a group of which half the members were kept
// would be worse than one that has to be made anew.
func (c *change) applyStoreGroup(com *command.StoreGroup) command.Result {
	if err := checkStoreGroup(com); err != nil {
		return err
	}
	if com.IsWhole {
		c.each(c.key.GroupParts(com.Group), func(key, _ []byte) error {
			c.delete(key)
			return nil
		})
	}
	for _, part := range com.Parts {
		key := c.key.GroupPartNamed(com.Group, part.Name)
		if part.Value == nil {
			c.delete(key)
			continue
		}
		c.value = append(append(c.value[:0], valueVersion), part.Value...)
		c.set(key, c.value)
	}
	return nil
}

// checkStoreGroup says whether a command is within the limits.
func checkStoreGroup(com *command.StoreGroup) error {
	if len(com.Group) > GroupNameBytesMax {
		return limitError("bytes of a group's name", len(com.Group), GroupNameBytesMax)
	}
	if len(com.Parts) > GroupPartsMax {
		return limitError("parts of a group", len(com.Parts), GroupPartsMax)
	}
	size := 0
	for _, part := range com.Parts {
		size += len(part.Name) + len(part.Value)
	}
	if size > GroupBytesMax {
		return limitError("bytes of a group", size, GroupBytesMax)
	}
	return nil
}

// decodeGroupPart gives the bytes of a part, in memory of its own.
func decodeGroupPart(value []byte) ([]byte, error) {
	r := readValue(value)
	part := bytes.Clone(r.rest())
	if part == nil {
		part = []byte{}
	}
	return part, r.end("group part")
}
