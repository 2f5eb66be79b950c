package statemachine

import (
	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyRenewOffsets(com *command.RenewOffsets) command.Result {
	c.setTime(com.NowUnixMilli)
	for _, of := range com.Of {
		t := c.work.find(of.Topic, 0)
		if t == nil {
			continue // its offsets went with it
		}
		c.each(c.key.Group(of.Group), func(key, value []byte) error {
			_, number, _, err := keys.ParseGroup(key)
			if err != nil || number != t.number {
				return err
			}
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
