package statemachine

import "kont/statemachine/command"

func (c *change) applyExpireOffsets(com *command.ExpireOffsets) int {
	expired := 0
	for _, group := range com.Groups {
		c.each(c.key.Group(group), func(key, value []byte) error {
			_, committedUnixMilli, err := decodeGroupOffset(value)
			if err == nil && committedUnixMilli < com.BeforeUnixMilli {
				c.delete(key)
				expired++
			}
			return err
		})
	}
	return expired
}
