package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"kont/statemachine/command"
)

// threadKeyBytesMax is the longest record key that can name a thread, in bytes.
const threadKeyBytesMax = 4096

// eventBytesMax bounds an event's value: the log has to hold it beside a step's
// reason, should the step fault. A batch of any size that the log takes can hold a
// larger one if it is compressed.
const eventBytesMax = 16 << 20

// reasonBytesMax bounds the text of a fault, in bytes; unmatchedBytesMax the part
// of an unmatched event's value that is kept for people.
const (
	reasonBytesMax    = 16 << 10
	unmatchedBytesMax = 256
)

// Unmatched is why an event matched no thread, as a metric's label.
type Unmatched string

// The reasons.
const (
	UnmatchedBatch        Unmatched = "unreadable_batch"
	UnmatchedKey          Unmatched = "invalid_key"
	UnmatchedValue        Unmatched = "invalid_value"
	UnmatchedJSON         Unmatched = "invalid_json"
	UnmatchedNoRef        Unmatched = "no_ref"
	UnmatchedUnknownRef   Unmatched = "ref_not_pending"
	UnmatchedNoThread     Unmatched = "no_thread"
	UnmatchedHasState     Unmatched = "thread_exists"
	UnmatchedNoDeployment Unmatched = "no_deployment"
	UnmatchedByEngine     Unmatched = "engine"
)

// eventKind is what an event's value asks for.
type eventKind uint8

const (
	eventNew eventKind = iota + 1
	eventInit
	eventResume
)

// request is an event's value taken apart.
type request struct {
	kind eventKind
	// body is the start's argument, or the whole value of a resume event; valid
	// JSON in both cases.
	body []byte
	// ref is set for eventResume.
	ref string
}

// mismatch is an event that no thread can take.
type mismatch struct {
	label  Unmatched
	reason string
}

// parseKey returns the name of the thread that a record's key stands for.
func parseKey(key []byte) (string, *mismatch) {
	switch {
	case key == nil:
		return "", &mismatch{UnmatchedKey, "record has no key"}
	case len(key) == 0:
		return "", &mismatch{UnmatchedKey, "record has an empty key"}
	case len(key) > threadKeyBytesMax:
		return "", &mismatch{UnmatchedKey, fmt.Sprintf("key of %d bytes, the limit is %d", len(key), threadKeyBytesMax)}
	case !utf8.Valid(key):
		return "", &mismatch{UnmatchedKey, "key is not UTF-8"}
	}
	return string(key), nil
}

var (
	prefixNew  = []byte("new:")
	prefixInit = []byte("init:")
)

// parseValue takes an event's value apart. Field names are compared exactly, and
// of repeated fields the last counts, as JSON.parse has it (ECMAScript 25.5.1).
func parseValue(value []byte) (request, *mismatch) {
	if value == nil {
		return request{}, &mismatch{UnmatchedValue, "record has no value"}
	}
	if len(value) > eventBytesMax {
		return request{}, &mismatch{UnmatchedValue, fmt.Sprintf("value of %d bytes, the limit is %d", len(value), eventBytesMax)}
	}
	if !utf8.Valid(value) {
		return request{}, &mismatch{UnmatchedValue, "value is not UTF-8"}
	}
	if argument, ok := bytes.CutPrefix(value, prefixNew); ok {
		return parseStart(eventNew, argument)
	}
	if argument, ok := bytes.CutPrefix(value, prefixInit); ok {
		return parseStart(eventInit, argument)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(value, &fields); err != nil {
		if !json.Valid(value) {
			return request{}, &mismatch{UnmatchedJSON, "invalid JSON: " + err.Error()}
		}
		return request{}, &mismatch{UnmatchedNoRef, "value is neither a start nor an object"}
	}
	raw, ok := fields["ref"]
	if !ok {
		return request{}, &mismatch{UnmatchedNoRef, "object has no ref"}
	}
	var ref *string
	if err := json.Unmarshal(raw, &ref); err != nil || ref == nil {
		return request{}, &mismatch{UnmatchedNoRef, "ref is no string"}
	}
	return request{kind: eventResume, body: value, ref: *ref}, nil
}

func parseStart(kind eventKind, argument []byte) (request, *mismatch) {
	if !json.Valid(argument) {
		return request{}, &mismatch{UnmatchedJSON, "invalid JSON in the start's argument"}
	}
	return request{kind: kind, body: argument}, nil
}

// verdict is what happens to an event: run set, or one of the others.
type verdict struct {
	run      bool
	kept     bool
	mismatch *mismatch
}

// decide tells what becomes of a request to a thread in this state. A start
// without a deployment is left to the caller.
func decide(r request, s state) verdict {
	switch {
	case r.kind == eventNew:
		return verdict{run: true}
	case r.kind == eventInit && s.status == 0:
		return verdict{run: true}
	case r.kind == eventInit:
		return verdict{mismatch: &mismatch{UnmatchedHasState, "thread exists already: init is ignored"}}
	case s.status == 0:
		return verdict{mismatch: &mismatch{UnmatchedNoThread, "no such thread"}}
	case s.status == command.ThreadFaulted:
		return verdict{kept: true}
	case !s.isPending(r.ref):
		return verdict{mismatch: &mismatch{UnmatchedUnknownRef, fmt.Sprintf("ref %q is not pending", cutText(r.ref, 128))}}
	}
	return verdict{run: true}
}

// cutText shortens text to at most bytesMax bytes of valid UTF-8.
func cutText(text string, bytesMax int) string {
	if len(text) > bytesMax {
		text = text[:bytesMax]
	}
	if utf8.ValidString(text) {
		return text
	}
	return string(bytes.ToValidUTF8([]byte(text), []byte("\uFFFD")))
}
