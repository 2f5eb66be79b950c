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
	label  command.UnmatchedClass
	reason string
}

// parseKey returns the name of the thread that a record's key stands for.
func parseKey(key []byte) (string, *mismatch) {
	switch {
	case key == nil:
		return "", &mismatch{command.UnmatchedKey, "record has no key"}
	case len(key) == 0:
		return "", &mismatch{command.UnmatchedKey, "record has an empty key"}
	case len(key) > threadKeyBytesMax:
		return "", &mismatch{command.UnmatchedKey, fmt.Sprintf("key of %d bytes, the limit is %d", len(key), threadKeyBytesMax)}
	case !utf8.Valid(key):
		return "", &mismatch{command.UnmatchedKey, "key is not UTF-8"}
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
		return request{}, &mismatch{command.UnmatchedValue, "record has no value"}
	}
	if len(value) > eventBytesMax {
		return request{}, &mismatch{command.UnmatchedValue, fmt.Sprintf("value of %d bytes, the limit is %d", len(value), eventBytesMax)}
	}
	if !utf8.Valid(value) {
		return request{}, &mismatch{command.UnmatchedValue, "value is not UTF-8"}
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
			return request{}, &mismatch{command.UnmatchedJSON, "invalid JSON: " + err.Error()}
		}
		return request{}, &mismatch{command.UnmatchedNoRef, "value is neither a start nor an object"}
	}
	raw, ok := fields["ref"]
	if !ok {
		return request{}, &mismatch{command.UnmatchedNoRef, "object has no ref"}
	}
	var ref *string
	if err := json.Unmarshal(raw, &ref); err != nil || ref == nil {
		return request{}, &mismatch{command.UnmatchedNoRef, "ref is no string"}
	}
	return request{kind: eventResume, body: value, ref: *ref}, nil
}

func parseStart(kind eventKind, argument []byte) (request, *mismatch) {
	if !json.Valid(argument) {
		return request{}, &mismatch{command.UnmatchedJSON, "invalid JSON in the start's argument"}
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
		return verdict{mismatch: &mismatch{command.UnmatchedHasState, "thread exists already: init is ignored"}}
	case s.status == 0:
		return verdict{mismatch: &mismatch{command.UnmatchedNoThread, "no such thread"}}
	case s.status == command.ThreadFaulted:
		return verdict{kept: true}
	case !s.isPending(r.ref):
		return verdict{mismatch: &mismatch{command.UnmatchedUnknownRef, fmt.Sprintf("ref %q is not pending", cutText(r.ref, 128))}}
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
