package cli

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/jsvm"
	"kont/server/api"
)

// stored is a continuation that is asked about.
type stored struct {
	name string // of the thread, or of the file
	hash string // of its bundle, in hexadecimal; "" for the one of --against
	data []byte
}

// fitted is the answer about one of them.
type fitted struct {
	Thread string `json:"thread"`
	// Same: the thread is on this very bundle.
	Same bool `json:"same,omitempty"`
	jsvm.FitReport
	// Error says why nothing can be told.
	Error string `json:"error,omitempty"`
}

// checkFit tells which continuations could go on under app. It fails if one could not.
func checkFit(c *urfave.Context, p Process, app workflow) error {
	options := jsvm.FitOptions{Moved: map[string]string{}}
	for _, move := range c.StringSlice("moved") {
		from, to, ok := strings.Cut(move, "=")
		if !ok || from == "" || to == "" {
			return usagef("write the old path, =, and the new one, as positions show them", "--moved %s is no OLD=NEW", move)
		}
		options.Moved[from] = to
	}
	asked, open, err := storedContinuations(c, p)
	if err != nil {
		return err
	}
	f := &fitters{app: app, options: options, open: open, byHash: map[string]*jsvm.Fitter{}}
	answers, unfit := []fitted{}, 0
	for _, one := range asked {
		answer := f.ask(c.Context, one)
		if err := c.Context.Err(); err != nil {
			return err
		}
		if !answer.Fits {
			unfit++
		}
		answers = append(answers, answer)
	}
	err = newPrinter(c, p).document(map[string]any{"ok": unfit == 0, "threads": answers}, func(w io.Writer) { printFits(w, answers, unfit) })
	if err == nil && unfit > 0 {
		return errQuiet
	}
	return err
}

// storedContinuations reads those of the files, or of all threads that wait on a server. open gives a bundle by its hash.
func storedContinuations(c *urfave.Context, p Process) (asked []stored, open func(hash string) (*jsvm.Bundle, error), err error) {
	files, against := c.StringSlice("continuation"), c.String("against")
	switch {
	case c.Bool("threads") && (len(files) > 0 || against != ""):
		return nil, nil, usagef("a server has the bundles of its threads", "--threads goes without --against and --continuation")
	case c.Bool("threads"):
		return continuationsOnServer(c, p)
	case len(files) == 0:
		return nil, nil, usagef("name it with --continuation FILE, or ask a server with --threads", "there is no continuation to ask about")
	case against == "":
		return nil, nil, usagef("name it with --against BUNDLE", "a continuation is read with the bundle that it belongs to")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read continuation: %w", err)
		}
		if data, err = stateIn(data); err != nil {
			return nil, nil, failf("name a file with the bytes of a continuation, or with what `kont step` answered", "read continuation %s: %w", file, err)
		}
		asked = append(asked, stored{name: file, data: data})
	}
	old, err := loadWorkflow(c.Context, p, against)
	return asked, func(string) (*jsvm.Bundle, error) { return old.bundle, nil }, err
}

// stateIn is the continuation in a file: the bytes, or their text, or the last answer of `kont step`, which has that.
func stateIn(data []byte) ([]byte, error) {
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "{") {
		var answer stepAnswer
		last := text[strings.LastIndexByte(text, '\n')+1:]
		if err := json.Unmarshal([]byte(last), &answer); err != nil {
			return nil, err
		}
		if answer.State == "" {
			return nil, errors.New("the thread has ended: there is no state")
		}
		return base64.StdEncoding.DecodeString(answer.State)
	}
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
		return plain, nil
	}
	return data, nil
}

func continuationsOnServer(c *urfave.Context, p Process) (asked []stored, open func(hash string) (*jsvm.Bundle, error), err error) {
	server, err := newClient(c, p)
	if err != nil {
		return nil, nil, err
	}
	threads, _, err := listPages(c, server, "/api/v1/threads", math.MaxInt, func(page api.ThreadsPage) ([]api.ThreadSummary, string) {
		return page.Threads, page.Cursor
	})
	if err != nil {
		return nil, nil, err
	}
	for _, thread := range threads {
		if thread.Status != api.StatusSuspended && thread.Status != api.StatusFaulted {
			continue
		}
		found, err := server.Continuation(c.Context, thread.Topic, thread.Key)
		if client.IsCode(err, "unknown_thread") {
			continue // it has ended meanwhile, or never waited
		}
		if err != nil {
			return nil, nil, err
		}
		asked = append(asked, stored{thread.Key, found.Hash, found.Bytes})
	}
	return asked, func(hash string) (*jsvm.Bundle, error) {
		found, err := server.EncodedBundle(c.Context, hash)
		if err != nil {
			return nil, err
		}
		return jsvm.DecodeBundle(found.Bytes)
	}, nil
}

// fitters has one for each bundle that was asked about.
type fitters struct {
	app     workflow
	options jsvm.FitOptions
	open    func(hash string) (*jsvm.Bundle, error)
	byHash  map[string]*jsvm.Fitter
}

func (f *fitters) ask(ctx context.Context, one stored) fitted {
	answer := fitted{Thread: one.name}
	if one.hash == hex.EncodeToString(f.app.hash[:]) {
		answer.Same, answer.Fits = true, true
		return answer
	}
	fitter := f.byHash[one.hash]
	if fitter == nil {
		bundle, err := f.open(one.hash)
		if err == nil {
			fitter, err = jsvm.NewFitter(ctx, bundle, f.app.bundle, f.options)
		}
		if err != nil {
			answer.Error = err.Error()
			return answer
		}
		f.byHash[one.hash] = fitter
	}
	_, report, err := fitter.Move(one.data)
	if answer.FitReport = report; err != nil {
		answer.Error = err.Error()
	}
	return answer
}

// printFits prints threads with the same answer together.
func printFits(w io.Writer, answers []fitted, unfit int) {
	var order []string
	names := map[string][]string{}
	for _, answer := range answers {
		text := fitText(answer)
		if names[text] == nil {
			order = append(order, text)
		}
		names[text] = append(names[text], shortened(printable(answer.Thread), keyRunesMax))
	}
	for _, text := range order {
		fmt.Fprintf(w, "%s %s\n", threadNames(names[text]), text)
	}
	switch {
	case len(answers) == 0:
		fmt.Fprintln(w, "no thread waits")
	case unfit == 0:
		fmt.Fprintf(w, "%s can go on\n", plural(len(answers), "thread"))
	default:
		fmt.Fprintf(w, "%d of %s cannot go on\n", unfit, plural(len(answers), "thread"))
	}
}

// namesMax bounds the names of threads with the same answer.
const namesMax = 5

func threadNames(names []string) string {
	if len(names) > namesMax {
		names = append(names[:namesMax-1:namesMax-1], fmt.Sprintf("and %d more", len(names)-namesMax+1))
	}
	return strings.Join(names, ", ") + ":"
}

func fitText(answer fitted) string {
	var text strings.Builder
	switch {
	case answer.Error != "":
		return "cannot be told: " + printable(answer.Error)
	case answer.Same:
		return "fits, on this bundle already"
	case answer.Fits:
		text.WriteString("fits")
	default:
		text.WriteString("does not fit")
	}
	for _, function := range answer.Functions {
		if function.Change == jsvm.FunctionChanged {
			fmt.Fprintf(&text, "\n  changed %s (%s, now %s)", printable(function.Function), function.From, function.To)
		}
	}
	seen := map[jsvm.FrameFit]bool{}
	for _, frame := range answer.Frames {
		if !seen[frame] && frame.Function != "" {
			label := ""
			if frame.Label != "" {
				label = ", label " + frame.Label
			}
			fmt.Fprintf(&text, "\n  waits   %s%s (%s, now %s)", printable(frame.Function), label, frame.From, frame.To)
		}
		seen[frame] = true
	}
	for _, problem := range answer.Problems {
		fmt.Fprintf(&text, "\n  %s", printable(problem.String()))
	}
	return text.String()
}
