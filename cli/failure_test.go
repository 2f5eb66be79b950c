package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
	"kont/server/api/apitest"
)

func TestANodeThatCannotStartSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&os.PathError{Op: "mkdir", Path: "d", Err: syscall.EACCES}, "mkdir d: permission denied; make it writable for this user, or name another directory with --data"},
		{&os.PathError{Op: "open", Path: "d/LOCK", Err: syscall.EROFS}, "open d/LOCK: read-only file system; make it writable for this user, or name another directory with --data"},
		{&os.PathError{Op: "mkdir", Path: "d", Err: syscall.ENOTDIR}, "mkdir d: not a directory; name a directory with --data"},
		{&os.PathError{Op: "write", Path: "d/x", Err: syscall.ENOSPC}, "write d/x: no space left on device; free some space on the disk"},
		{fmt.Errorf("listen: %w; choose another", fs.ErrPermission), "listen: permission denied; choose another"},
		{errors.New("odd"), "odd"},
	} {
		if got := startFailure(test.err); !strings.HasPrefix(got.Error(), test.want) || !errors.Is(got, test.err) {
			t.Errorf("got %v, want %s", got, test.want)
		}
	}
}

// Clients retry for as long as a node takes no writes, and then know only that it
// took too long; the node knows why.
func TestUnacknowledgedWriteHasTheServersReason(t *testing.T) {
	node := &apitest.Node{HealthValue: api.Health{Reason: "the node takes no writes: no space left on device"}}
	server := httptest.NewServer(api.New(node, api.Options{Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	try := func(cause error, args ...string) string {
		out := &bytes.Buffer{}
		app := &urfave.App{Flags: serverFlags(), Action: func(c *urfave.Context) error {
			fmt.Fprint(out, unacknowledged(c, Process{}, cause))
			return nil
		}}
		if err := app.RunContext(context.Background(), append([]string{"kont"}, args...)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	timeout := fmt.Errorf("topic t: %w", kgo.ErrRecordTimeout)
	if got := try(timeout, "--server", server.URL); got != "not acknowledged within 10s: the node takes no writes: no space left on device" {
		t.Errorf("got %q", got)
	}
	if got := try(errors.New("another"), "--server", server.URL); got != "another" {
		t.Errorf("got %q", got)
	}
	node.HealthValue = api.Health{Ready: true}
	for _, args := range [][]string{{"--server", server.URL}, {"--kafka", "127.0.0.1:1"}, {"--server", "127.0.0.1:1"}} {
		if got := try(timeout, args...); got != "not acknowledged within 10s; see whether it was written before you try again" {
			t.Errorf("%v: got %q", args, got)
		}
	}
}
