package testhost

import (
	"encoding/json"
	"io"
)

// JSONReporter prints one JSON object a run.
type JSONReporter struct {
	Out io.Writer
	// IsLine prints it in one line: for runs one after the other.
	IsLine bool
	files  []jsonFile
}

type jsonFile struct {
	File    string       `json:"file"`
	Seconds float64      `json:"seconds"`
	Failure *jsonFailure `json:"failure,omitempty"`
	Console []string     `json:"console,omitempty"`
	Tests   []jsonTest   `json:"tests"`
}

type jsonTest struct {
	Name    string       `json:"name"`
	Status  string       `json:"status"`
	Seconds float64      `json:"seconds"`
	Failure *jsonFailure `json:"failure,omitempty"`
	Console []string     `json:"console,omitempty"`
	Logs    []jsonLog    `json:"logs,omitempty"`
}

type jsonLog struct {
	Level  string `json:"level"`
	Text   string `json:"text"`
	Thread string `json:"thread"`
}

type jsonFailure struct {
	Message string      `json:"message"`
	Diff    string      `json:"diff,omitempty"`
	File    string      `json:"file,omitempty"`
	Line    int         `json:"line,omitempty"`
	Column  int         `json:"column,omitempty"`
	Source  string      `json:"source,omitempty"`
	Stack   []jsonFrame `json:"stack,omitempty"`
	Notes   []string    `json:"notes,omitempty"`
}

type jsonFrame struct {
	Function string `json:"function,omitempty"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
}

func jsonFailureOf(f *Failure) *jsonFailure {
	if f == nil {
		return nil
	}
	j := &jsonFailure{Message: f.Message, Diff: f.Diff, Notes: f.Notes}
	if f.At.Line > 0 {
		j.File, j.Line, j.Column, j.Source = f.At.File, f.At.Line, f.At.Column, f.Source
	}
	for _, frame := range f.Stack {
		j.Stack = append(j.Stack, jsonFrame{frame.Function, frame.At.File, frame.At.Line, frame.At.Column})
	}
	return j
}

// File keeps a file.
func (r *JSONReporter) File(file FileResult) {
	j := jsonFile{File: file.File, Seconds: file.Wall.Seconds(), Failure: jsonFailureOf(file.Failure), Console: file.Console, Tests: []jsonTest{}}
	for _, t := range file.Tests {
		test := jsonTest{Name: t.Name, Status: t.Status, Seconds: t.Wall.Seconds(), Failure: jsonFailureOf(t.Failure), Console: t.Console}
		for _, l := range t.Logs {
			test.Logs = append(test.Logs, jsonLog(l))
		}
		j.Tests = append(j.Tests, test)
	}
	r.files = append(r.files, j)
}

// End prints all.
func (r *JSONReporter) End(s Summary) {
	encoder := json.NewEncoder(r.Out)
	encoder.SetEscapeHTML(false)
	if !r.IsLine {
		encoder.SetIndent("", "  ")
	}
	files := r.files
	if files == nil {
		files = []jsonFile{}
	}
	_ = encoder.Encode(map[string]any{ // standard output has gone; there is nobody to tell
		"files": files, "passed": s.Passed, "failed": s.Failed, "skipped": s.Skipped, "seconds": s.Wall.Seconds(), "seed": s.Seed,
	})
	r.files = nil
}
