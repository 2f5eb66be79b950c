package jsvm

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"
	"github.com/rogpeppe/go-internal/txtar"
)

var updateFit = flag.Bool("update-fit", false, "write the reports and the outcomes of testdata/fit anew")

// Each archive in testdata/fit has two sources. A thread starts on the old one and takes the events before the line `move`; then its
// continuation is asked whether it fits the new one, which gives the report. If it does, it goes on under the new bundle with the other events, once in
// a pool and once restored in a fresh place before every job, which gives the outcome.
func TestFit(t *testing.T) {
	files, err := filepath.Glob("testdata/fit/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := parseFitCase(t, archive)
			report, outcome := c.run(t)
			if *updateFit {
				c.write(t, file, archive, report, outcome)
				return
			}
			if report != c.report {
				t.Errorf("report\n%s\nwant\n%s", report, c.report)
			}
			if outcome != c.outcome {
				t.Errorf("outcome\n%s\nwant\n%s", outcome, c.outcome)
			}
		})
	}
}

type fitCase struct {
	before, after   []string // events
	moved           map[string]string
	old, new        fstest.MapFS
	oldApp, newApp  string
	report, outcome string
}

func parseFitCase(t *testing.T, archive *txtar.Archive) *fitCase {
	t.Helper()
	c := &fitCase{old: fstest.MapFS{}, new: fstest.MapFS{}, moved: map[string]string{}, oldApp: "app.ts", newApp: "app.ts"}
	isAfter := false
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "send" && isAfter:
			c.after = append(c.after, rest)
		case word == "send":
			c.before = append(c.before, rest)
		case word == "move":
			isAfter = true
		case word == "moved":
			from, to, _ := strings.Cut(rest, "=")
			c.moved[from] = to
			if from == c.oldApp {
				c.newApp = to
			}
		}
	}
	for _, f := range archive.Files {
		switch name := f.Name; {
		case strings.HasPrefix(name, "old/"):
			c.old[name[4:]] = &fstest.MapFile{Data: f.Data}
		case strings.HasPrefix(name, "new/"):
			c.new[name[4:]] = &fstest.MapFile{Data: f.Data}
		case name == "report":
			c.report = string(f.Data)
		case name == "outcome":
			c.outcome = string(f.Data)
		default:
			t.Fatalf("what is %s?", name)
		}
	}
	return c
}

func (c *fitCase) write(t *testing.T, file string, archive *txtar.Archive, report, outcome string) {
	t.Helper()
	var kept []txtar.File
	for _, f := range archive.Files {
		if f.Name != "report" && f.Name != "outcome" {
			kept = append(kept, f)
		}
	}
	kept = append(kept, txtar.File{Name: "report", Data: []byte(report)})
	if outcome != "" {
		kept = append(kept, txtar.File{Name: "outcome", Data: []byte(outcome)})
	}
	archive.Files = kept
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *fitCase) run(t *testing.T) (report, outcome string) {
	t.Helper()
	from, err := Compile(context.Background(), CompileOptions{Entry: c.oldApp, Files: c.old})
	if err != nil {
		t.Fatal(err)
	}
	to, err := Compile(context.Background(), CompileOptions{Entry: c.newApp, Files: c.new})
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, from)
	first := "null"
	events := c.before
	if len(events) > 0 && !strings.Contains(events[0], `"ref"`) {
		first, events = events[0], events[1:]
	}
	if err := h.start(first); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := h.send(e); err != nil {
			t.Fatal(err)
		}
	}
	moved, fit, err := Move(context.Background(), h.effects.Continuation, from, to, FitOptions{Moved: c.moved})
	if err != nil {
		t.Fatal(err)
	}
	report = fitText(fit)
	if !fit.Fits {
		if moved != nil {
			t.Error("moved although it does not fit")
		}
		return report, ""
	}
	pooled, restored := goOn(t, to, moved, c.after, false), goOn(t, to, moved, c.after, true)
	if pooled != restored {
		t.Errorf("restored before every job\n%s\nin a pool\n%s", restored, pooled)
	}
	return report, restored
}

func fitText(r FitReport) string {
	var text strings.Builder
	if r.Fits {
		text.WriteString("fits\n")
	} else {
		text.WriteString("does not fit\n")
	}
	for _, f := range r.Functions {
		if f.Change != FunctionSame {
			fmt.Fprintf(&text, "%s %s %s", f.Change, f.Function, f.From)
			if f.To != (Position{}) {
				fmt.Fprintf(&text, " -> %s", f.To)
			}
			text.WriteByte('\n')
		}
	}
	for _, f := range r.Frames {
		fmt.Fprintf(&text, "waits %s %s -> %s", f.Function, f.From, f.To)
		if f.Label != "" {
			fmt.Fprintf(&text, " %q", f.Label)
		}
		text.WriteByte('\n')
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&text, "%s: %s\n", p.Kind, p)
	}
	return text.String()
}

// goOn runs a thread from its continuation: each event is {"ref", "value"}. With perJob set, a VM knows the thread from its continuation only, before
// every job.
func goOn(t testing.TB, b *Bundle, data []byte, events []string, perJob bool) string {
	t.Helper()
	var lines []string
	limits := Limits{}.withDefaults()
	vms := make([]*vm, 2)
	for i := range vms {
		v, err := newVM(b, goja.New(), limits)
		if err != nil {
			t.Fatal(err)
		}
		vms[i] = v
	}
	saves := 0
	v := vms[0]
	take := func() {
		for _, l := range v.logs {
			lines = append(lines, "log "+l.Text)
		}
		v.logs, v.logged = nil, 0
	}
	load := func(step string) {
		t.Helper()
		take()
		saves++
		v = vms[saves%2]
		if err := v.module.reset(); err != nil {
			t.Fatal(err)
		}
		root, err := v.load(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.call("attach", root, v.rt.ToValue("T"), v.rt.ToValue(step)); err != nil {
			t.Fatal(err)
		}
	}
	move := func(step string) {
		t.Helper()
		stored, err := v.saveWithin()
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.Clone(stored)
		load(step)
	}
	for i, e := range events {
		step := strconv.Itoa(1000 + i)
		load(step)
		var event struct {
			Ref   string          `json:"ref"`
			Value json.RawMessage `json:"value"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal([]byte(e), &event); err != nil {
			t.Fatal(err)
		}
		text := event.Value
		if event.Error != nil {
			text = event.Error
		}
		if text == nil {
			text = []byte("null")
		}
		value, err := v.parseJSON(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.call("settle", v.rt.ToValue(event.Ref), v.rt.ToValue(event.Error != nil), value); err != nil {
			t.Fatal(err)
		}
		drainOne, _ := goja.AssertFunction(v.lib.Get("drainOne"))
		for {
			if perJob {
				move(step)
				drainOne, _ = goja.AssertFunction(v.lib.Get("drainOne"))
			}
			more, err := drainOne(v.lib)
			if err != nil {
				t.Fatal(v.faultOf(err))
			}
			if !more.ToBoolean() {
				break
			}
		}
		result, err := v.callFor("takeEffects")
		if err != nil {
			t.Fatal(err)
		}
		take()
		outputs, err := v.outputs(result.(*goja.Object).Get("outputs").(*goja.Object))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outputs {
			lines = append(lines, o.Topic+" "+string(o.Value))
		}
		if result.(*goja.Object).Get("ended").ToBoolean() {
			return strings.Join(append(lines, "ended\n"), "\n")
		}
		stored, err := v.saveWithin()
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.Clone(stored)
	}
	return strings.Join(append(lines, "waits\n"), "\n")
}

// Bytes that no thread has written are an error, or do not fit, and never a panic.
func TestFitOfDamagedContinuations(t *testing.T) {
	from, to := compileFile(t, "testdata/values.ts"), compileText(t, smallWorkflow)
	h := newHost(t, from)
	if err := h.start("null"); err != nil {
		t.Fatal(err)
	}
	good := h.effects.Continuation
	limits := Limits{}.withDefaults()
	fromVM, err := newVM(from, goja.New(), limits)
	if err != nil {
		t.Fatal(err)
	}
	toVM, err := newVM(to, goja.New(), limits)
	if err != nil {
		t.Fatal(err)
	}
	errors, unfit := 0, 0
	for i := 17; i < len(good); i += 5 {
		for _, change := range []byte{1, 0x80, 0xff} {
			data := bytes.Clone(good)
			data[i] ^= change
			_, report, err := move(data, fromVM, toVM, FitOptions{})
			switch {
			case err != nil:
				errors++
				if strings.Contains(err.Error(), "nil pointer") {
					t.Errorf("byte %d ^ %#x: %v", i, change, err)
				}
			case report.Fits:
				t.Errorf("byte %d ^ %#x fits another workflow", i, change)
			default:
				unfit++
			}
		}
	}
	if errors == 0 || unfit == 0 {
		t.Errorf("%d errors, %d do not fit: the test shows nothing", errors, unfit)
	}
	if _, err := Fit(context.Background(), good, to, from, FitOptions{}); err == nil || !strings.Contains(err.Error(), "it belongs to bundle") {
		t.Errorf("of another bundle: %v", err)
	}
	if _, err := Fit(context.Background(), good[:len(good)/2], from, to, FitOptions{}); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("cut: %v", err)
	}
}

// A thread stays on its bundle unless somebody moves it.
func TestStepRefusesAnotherBundlesContinuation(t *testing.T) {
	from := compileText(t, `import * as W from "kont"; export default async function main() { return await W.ref("a") }`)
	to := compileText(t, `import * as W from "kont"; function above() {} export default async function main() { above(); return await W.ref("a") }`)
	h := newHost(t, from)
	if err := h.start("null"); err != nil {
		t.Fatal(err)
	}
	p := NewPool(to, PoolOptions{})
	defer p.Close()
	in := Input{Thread: "T", StepID: 2, Continuation: h.effects.Continuation, Event: []byte(`{"ref":"1:a:1","value":5}`)}
	if _, err := p.Step(context.Background(), in); err == nil || !strings.Contains(err.Error(), "it belongs to bundle") {
		t.Errorf("got %v", err)
	}
	moved, report, err := Move(context.Background(), in.Continuation, from, to, FitOptions{})
	if err != nil || !report.Fits {
		t.Fatalf("%v\n%s", err, fitText(report))
	}
	if id := to.Hash(); !bytes.Equal(moved[2:18], id[:16]) {
		t.Errorf("the header names bundle %x, want %x", moved[2:18], id[:16])
	}
	in.Continuation = moved
	if e, err := p.Step(context.Background(), in); err != nil || len(e.Outputs) != 1 || string(e.Outputs[0].Value) != "5" {
		t.Errorf("got %v, %v", e.Outputs, err)
	}
}
