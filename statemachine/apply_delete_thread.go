package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyDeleteThread(com *command.DeleteThread) error {
	c.setTime(com.NowUnixMilli)
	t := c.work.topics[com.ResumeTopic]
	if t == nil {
		return fmt.Errorf("%w: %s: topic %q", command.ErrUnknownThread, com.Thread, com.ResumeTopic)
	}
	old := c.loadThread(t, com.Thread)
	if old.status == 0 {
		return fmt.Errorf("%w: %s", command.ErrUnknownThread, com.Thread)
	}
	c.deleteKept(t, com.Thread, &old)
	c.deleteHistory(t, com.Thread, &old)
	none := thread{}
	c.storeThread(t, com.Thread, &old, &none, false)
	return nil
}
