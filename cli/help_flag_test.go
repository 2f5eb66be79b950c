package cli

import (
	"io"
	"strings"
	"sync"
	"testing"
)

// It shows something under the race detector only.
func TestCommandsMayBeginAtOnce(t *testing.T) {
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() {
			if code := Main(t.Context(), Process{Args: []string{"version"}, In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); code != exitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
	running.Wait()
}
