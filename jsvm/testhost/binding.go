package testhost

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/dop251/goja"

	"kont/jsvm"
	"kont/jsvm/bundle"
)

// engine makes the object that library/engine.ts declares.
func (s *script) engine() *goja.Object {
	o := s.rt.NewObject()
	set := func(name string, f func(arguments) any) {
		// The object is plain: it takes any property.
		_ = o.Set(name, func(call goja.FunctionCall) goja.Value {
			a := arguments{s, call}
			if number, ok := call.Argument(0).Export().(int64); ok && s.hosts[number].isClosed {
				panic(s.newError("this workflow was opened by a test that is over; open one for each test, or one for the file outside of tests"))
			}
			result := f(a)
			if err, isError := result.(error); isError {
				if s.ctx.Err() != nil && s.test != nil {
					s.test.endedAt = s.failureOfStack(s.rt.CaptureCallStack(0, nil))
				}
				panic(s.newError(err.Error()))
			}
			if value, isValue := result.(goja.Value); isValue {
				return value
			}
			return s.rt.ToValue(result)
		})
	}
	set("isLoading", func(arguments) any { return s.isLoading })
	set("open", func(a arguments) any { return s.open(a) })
	set("deploy", func(a arguments) any {
		if err := checkTopic(a.text(2)); err != nil {
			return err
		}
		s.file.addWorkflow(s.beside(a.text(1)))
		return orNothing(a.host().deploy(s.ctx, s.beside(a.text(1)), a.text(2)))
	})
	set("send", func(a arguments) any { return orNothing(a.host().send(s.ctx, a.text(1), a.text(2), a.optional(3))) })
	set("event", func(a arguments) any {
		h, value := a.host(), a.text(3)
		h.append(a.topic(1), a.text(2), &value)
		return orNothing(h.run(s.ctx))
	})
	set("advance", func(a arguments) any {
		milli, err := a.duration(1)
		if err != nil {
			return err
		}
		return orNothing(a.host().advance(s.ctx, milli))
	})
	set("settle", func(a arguments) any {
		fired, err := a.host().settle(s.ctx, int(a.call.Argument(1).ToInteger()))
		if err != nil {
			return err
		}
		return fired
	})
	set("now", func(a arguments) any { return a.host().now })
	set("records", func(a arguments) any { return s.listRecords(a) })
	set("timers", func(a arguments) any { return s.listTimers(a.host()) })
	set("unmatched", func(a arguments) any {
		return list(s, a.host().unmatched, func(u Unmatched) []any { return []any{"thread", u.Thread, "event", u.Event, "reason", u.Reason} })
	})
	set("logs", func(a arguments) any {
		return list(s, a.host().logs, func(l Log) []any { return []any{"level", l.Level, "text", l.Text, "thread", l.Thread} })
	})
	set("threads", func(a arguments) any { return texts(s, a.host().threadKeys()) })
	set("checkTopic", func(a arguments) any { return orNothing(a.host().checkApp(a.topic(1))) })
	set("thread", func(a arguments) any { return s.describe(a.thread()) })
	set("fault", func(a arguments) any {
		t := a.thread()
		if t.status != statusFaulted {
			return goja.Undefined()
		}
		t.isSeen = true
		return t.fault
	})
	set("retry", func(a arguments) any { return orNothing(a.host().retry(s.ctx, threadID{a.topic(1), a.text(2)})) })
	set("diff", func(a arguments) any { return diff(a.lines(3), a.lines(1)) })
	set("snapshot", func(a arguments) any { return s.snapshot(a.text(0), a.text(1)) })
	return o
}

// orNothing is undefined where there is no error.
func orNothing(err error) any {
	if err != nil {
		return err
	}
	return goja.Undefined()
}

// arguments are those of a call of the engine; the library has checked their types.
type arguments struct {
	s    *script
	call goja.FunctionCall
}

func (a arguments) host() *Host { return a.s.hosts[a.call.Argument(0).ToInteger()] }

// text is "" for undefined.
func (a arguments) text(i int) string {
	if v := a.call.Argument(i); !goja.IsUndefined(v) {
		return v.String()
	}
	return ""
}

// optional is nil for null and undefined.
func (a arguments) optional(i int) *string {
	v := a.call.Argument(i)
	if goja.IsUndefined(v) || goja.IsNull(v) {
		return nil
	}
	text := v.String()
	return &text
}

// topic is a resume topic; undefined is the first.
func (a arguments) topic(i int) string {
	if t := a.text(i); t != "" {
		return t
	}
	return a.host().first
}

func (a arguments) thread() *thread { return a.host().thread(threadID{a.topic(1), a.text(2)}) }

// duration is in milliseconds.
func (a arguments) duration(i int) (int64, error) {
	v := a.call.Argument(i)
	if text, ok := v.(goja.String); ok {
		return parseDuration(text.String())
	}
	if n := v.ToFloat(); n >= 0 && n <= timerDelayMilliMax {
		return int64(n), nil
	}
	return 0, fmt.Errorf("%s is no number of milliseconds", a.s.textOf(v))
}

// lines are two lists: texts and paths.
func (a arguments) lines(i int) []line {
	texts, paths := a.call.Argument(i-1).(*goja.Object), a.call.Argument(i).(*goja.Object)
	lines := make([]line, texts.Get("length").ToInteger())
	for at := range lines {
		index := fmt.Sprint(at)
		lines[at] = line{texts.Get(index).String(), paths.Get(index).String()}
	}
	return lines
}

// beside is a path relative to the test's file.
func (s *script) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.source.path), filepath.FromSlash(path))
}

// restores are the ways to say how often threads are restored.
var restores = map[string]jsvm.Restore{"await": jsvm.RestoreJobs, "step": jsvm.RestoreSteps, "never": jsvm.RestoreAnywhere}

// open makes a host and gives its number.
func (s *script) open(a arguments) any {
	o := hostOptions{topic: topicResume, now: nowDefault, restore: restores[s.file.options.Restore]}
	if err := checkTopic(a.text(1)); err != nil {
		return err
	}
	o.topic = cmp.Or(a.text(1), o.topic)
	if restore := a.text(2); restore != "" {
		o.restore = restores[restore]
	}
	if now := a.call.Argument(3); !goja.IsUndefined(now) {
		o.now = now.ToInteger()
	}
	name, before := "", len(s.hosts)
	if s.test != nil {
		name, before = s.test.name, before-s.test.hostsSeen // not those of tests that ran before: another run may leave them out
	}
	o.seed = s.file.seedOf(fmt.Sprint(name, "\x00", before))
	path := s.beside(a.text(0))
	s.file.addWorkflow(path)
	h := newHost(s.file.options.Bundles, o)
	if err := h.deploy(s.ctx, path, ""); err != nil {
		return err
	}
	s.hosts = append(s.hosts, h)
	return len(s.hosts) - 1
}

// checkTopic says whether a workflow can be deployed on a topic; "" is the default.
func checkTopic(topic string) error {
	switch topic {
	case "":
		return nil
	case topicResult, topicError, topicScheduler:
		return fmt.Errorf("%s is no resume topic: it has a meaning of its own", topic)
	}
	return bundle.CheckTopic(topic)
}

// object makes an object of names and values.
func (s *script) object(pairs ...any) *goja.Object {
	o := s.rt.NewObject()
	for i := 0; i < len(pairs); i += 2 {
		_ = o.Set(pairs[i].(string), pairs[i+1]) // a plain object takes any property
	}
	return o
}

func list[T any](s *script, items []T, pairs func(T) []any) goja.Value {
	values := make([]any, len(items))
	for i, item := range items {
		values[i] = s.object(pairs(item)...)
	}
	return s.rt.NewArray(values...)
}

func texts(s *script, items []string) goja.Value {
	values := make([]any, len(items))
	for i, item := range items {
		values[i] = item
	}
	return s.rt.NewArray(values...)
}

func (s *script) listRecords(a arguments) any {
	topic := a.text(1)
	return list(s, a.host().recordsOf(topic, a.optional(2), a.call.Argument(3).ToBoolean()), func(r Record) []any {
		return []any{"topic", r.Topic, "key", r.Key, "text", r.Text, "time", r.Time}
	})
}

func (s *script) listTimers(h *Host) any {
	return list(s, h.timers.list(), func(t *timer) []any {
		thread, value := t.parts()
		var ref any = goja.Undefined()
		if id := refOf(value); id != "" {
			ref = id
		}
		return []any{"thread", thread, "ref", ref, "value", value, "due", t.due}
	})
}

// describe makes a ThreadState of engine.ts.
func (s *script) describe(t *thread) any {
	optional := func(text *string) any {
		if text == nil {
			return goja.Undefined()
		}
		return *text
	}
	return s.object("status", t.status, "refs", texts(s, t.refs), "result", optional(t.result), "error", optional(t.error), "bytes", len(t.continuation))
}

// snapshot is undefined if the value is that of its snapshot, else what is stored.
func (s *script) snapshot(name, text string) any {
	if s.test == nil {
		return fmt.Errorf("snapshot: no test runs")
	}
	stored, isSame, err := s.file.snapshots.check(s.test.name, name, text)
	switch {
	case err != nil:
		return err
	case isSame:
		return goja.Undefined()
	}
	return stored
}
