package raftlog

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// hclogAdapter gives the Raft libraries a logger that writes to slog. What they call
// information is detail to us; what they call an error is either returned to a
// caller of ours as well, or concerns another node, so it is a warning.
type hclogAdapter struct {
	logger  *slog.Logger
	name    string
	args    []any
	repeats *repeats
}

// Messages that the libraries log as warnings on every ordinary start.
var ordinary = map[string]bool{
	"heartbeat timeout reached, starting election": true,
	"no known peers, aborting election":            true,
	"found temporary snapshot":                     true,
	"skipping application of old log":              true,
}

// repeatsEvery is how often there is a warning with the same message about the same member. Those in between are details: the library tries again
// several times a second for as long as a member is away.
const repeatsEvery = 10 * time.Second

// repeats counts what was kept from being a warning.
type repeats struct {
	mu    sync.Mutex
	known map[string]repeated // guarded by mu; by message and member, of which there are few
}

type repeated struct {
	told    time.Time
	leftOut int
}

// add counts a message, and says whether it is to be a warning, and how many were none since the last one.
func (r *repeats) add(key string, now time.Time) (leftOut int, isWarning bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, isKnown := r.known[key]
	if isKnown && now.Sub(was.told) < repeatsEvery {
		was.leftOut++
		r.known[key] = was
		return 0, false
	}
	r.known[key] = repeated{told: now}
	return was.leftOut, true
}

// about is the member that a message is about, "" if there is none.
func about(args []any) string {
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "peer", "target", "server-id":
			return fmt.Sprint(args[i+1])
		}
	}
	return ""
}

// isOwnClosing tells of an error that this node has made itself by closing a connection, which it does when it stops.
func isOwnClosing(args []any) bool {
	return slices.ContainsFunc(args, func(arg any) bool {
		err, isError := arg.(error)
		return isError && strings.Contains(err.Error(), net.ErrClosed.Error()) // the library keeps some as text only
	})
}

func newHclog(logger *slog.Logger) hclog.Logger {
	return &hclogAdapter{logger: logger, repeats: &repeats{known: map[string]repeated{}}}
}

func (a *hclogAdapter) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	leftOut := 0
	if level >= hclog.Warn && level != hclog.Off && !ordinary[msg] && !isOwnClosing(args) {
		isWarning := true
		if member := about(args); member != "" {
			leftOut, isWarning = a.repeats.add(msg+" "+member, time.Now())
		}
		if isWarning {
			to = slog.LevelWarn
		}
	}
	if !a.logger.Enabled(context.Background(), to) {
		return
	}
	attrs := make([]any, 0, len(args))
	for i, arg := range args {
		if format, ok := arg.(hclog.Format); ok && len(format) > 0 {
			arg = fmt.Sprintf(fmt.Sprint(format[0]), format[1:]...)
		} else if key, ok := arg.(string); ok && i%2 == 0 && key == "index" {
			arg = "log_index"
		}
		attrs = append(attrs, arg)
	}
	if leftOut > 0 {
		attrs = append(attrs, "left_out", leftOut)
	}
	a.logger.Log(context.Background(), to, "raft: "+msg, attrs...)
}

func (a *hclogAdapter) Trace(msg string, args ...any) { a.Log(hclog.Trace, msg, args...) }
func (a *hclogAdapter) Debug(msg string, args ...any) { a.Log(hclog.Debug, msg, args...) }
func (a *hclogAdapter) Info(msg string, args ...any)  { a.Log(hclog.Info, msg, args...) }
func (a *hclogAdapter) Warn(msg string, args ...any)  { a.Log(hclog.Warn, msg, args...) }
func (a *hclogAdapter) Error(msg string, args ...any) { a.Log(hclog.Error, msg, args...) }

func (a *hclogAdapter) enabled(level slog.Level) bool {
	return a.logger.Enabled(context.Background(), level)
}

func (a *hclogAdapter) IsTrace() bool { return a.enabled(slog.LevelDebug) }
func (a *hclogAdapter) IsDebug() bool { return a.enabled(slog.LevelDebug) }
func (a *hclogAdapter) IsInfo() bool  { return a.enabled(slog.LevelDebug) }
func (a *hclogAdapter) IsWarn() bool  { return a.enabled(slog.LevelWarn) }
func (a *hclogAdapter) IsError() bool { return a.enabled(slog.LevelWarn) }

func (a *hclogAdapter) ImpliedArgs() []any { return a.args }
func (a *hclogAdapter) Name() string       { return a.name }

func (a *hclogAdapter) With(args ...any) hclog.Logger {
	return &hclogAdapter{
		logger: a.logger.With(args...),
		name:   a.name,
		args:   append(append([]any(nil), a.args...), args...),

		repeats: a.repeats,
	}
}

func (a *hclogAdapter) Named(name string) hclog.Logger {
	return &hclogAdapter{logger: a.logger, name: name, args: a.args, repeats: a.repeats}
}

func (a *hclogAdapter) ResetNamed(name string) hclog.Logger { return a.Named(name) }

// SetLevel does nothing: slog's handler decides.
func (a *hclogAdapter) SetLevel(hclog.Level) {}

func (a *hclogAdapter) GetLevel() hclog.Level {
	if a.IsDebug() {
		return hclog.Debug
	}
	return hclog.Warn
}

func (a *hclogAdapter) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug)
}

func (a *hclogAdapter) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	return a.StandardLogger(o).Writer()
}
