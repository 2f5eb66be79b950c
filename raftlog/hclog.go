package raftlog

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// hclogAdapter gives the Raft libraries a logger that writes to slog. What they call
// information is detail to us; what they call an error is either returned to a
// caller of ours as well, or concerns another node, so it is a warning.
type hclogAdapter struct {
	logger *slog.Logger
	name   string
	args   []any
}

// Messages that the libraries log as warnings on every ordinary start.
var ordinary = map[string]bool{
	"heartbeat timeout reached, starting election": true,
	"no known peers, aborting election":            true,
	"found temporary snapshot":                     true,
	"skipping application of old log":              true,
}

func newHclog(logger *slog.Logger) hclog.Logger {
	return &hclogAdapter{logger: logger}
}

func (a *hclogAdapter) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if level >= hclog.Warn && level != hclog.Off && !ordinary[msg] {
		to = slog.LevelWarn
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
	}
}

func (a *hclogAdapter) Named(name string) hclog.Logger {
	return &hclogAdapter{logger: a.logger, name: name, args: a.args}
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
