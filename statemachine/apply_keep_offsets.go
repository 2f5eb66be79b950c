package statemachine

import "kont/statemachine/command"

func (c *change) applyKeepOffsets(com *command.KeepOffsets) command.Result {
	c.setTime(com.NowUnixMilli)
	for _, group := range com.Groups {
		c.each(c.key.Group(group), func(key, value []byte) error {
			o, _, err := decodeGroupOffset(value)
			if err == nil {
				c.value = encodeGroupOffset(c.value[:0], &o, c.now)
				c.set(key, c.value)
			}
			return err
		})
	}
	return nil
}
