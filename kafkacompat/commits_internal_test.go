package kafkacompat

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"kont/statemachine/command"
)

// stillLog answers when it is let go on.
type stillLog struct {
	Log
	goesOn chan struct{}
}

func (l stillLog) Propose(context.Context, command.Command) (command.Result, error) {
	<-l.goesOn
	return nil, nil
}

// Clients come again after five seconds, and what they wanted before is still there.
func TestCommitsThatAreOverdueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all commits
		log := stillLog{goesOn: make(chan struct{})}
		expired, cancel := context.WithCancel(t.Context())
		cancel()
		commit := func() error {
			m := all.begin("g")
			defer m.release()
			_, err := commitLog{log, m}.Propose(expired, command.CommitOffsets{Group: "g"})
			return err
		}
		for range overdueMax {
			if err := commit(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if err := commit(); !errors.Is(err, command.ErrUnavailable) {
			t.Errorf("one more: %v", err)
		}
		close(log.goesOn)
		synctest.Wait()
		if len(all.underWay) > 0 || all.overdue != 0 {
			t.Errorf("%d groups have commits under way, %d are overdue", len(all.underWay), all.overdue)
		}
		if err := commit(); errors.Is(err, command.ErrUnavailable) {
			t.Errorf("when the log goes on: %v", err)
		}
		synctest.Wait()
	})
}
