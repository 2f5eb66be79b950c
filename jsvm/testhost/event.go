package testhost

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What the value of a record on a resume topic asks for, as the workflow protocol has it. The words of refusals are those of a server.

type eventKind uint8

const (
	eventNew eventKind = iota + 1
	eventInit
	eventResume
)

// request is an event taken apart.
type request struct {
	kind eventKind
	body string // the start's argument, or the whole value; valid JSON
	ref  string // of eventResume
}

// threadKeyBytesMax is the longest record key that can name a thread.
const threadKeyBytesMax = 4096

// checkKey gives the reason why no thread can have the name.
func checkKey(key string) (reason string) {
	switch {
	case key == "":
		return "record has an empty key"
	case len(key) > threadKeyBytesMax:
		return fmt.Sprintf("key of %d bytes, the limit is %d", len(key), threadKeyBytesMax)
	}
	return ""
}

// parseEvent takes a value apart; nil is a record without one. Field names are compared exactly, and of repeated fields the last counts.
func parseEvent(value *string) (r request, reason string) {
	if value == nil {
		return r, "record has no value"
	}
	if !utf8.ValidString(*value) {
		return r, "value is not UTF-8"
	}
	for prefix, kind := range map[string]eventKind{"new:": eventNew, "init:": eventInit} {
		if argument, ok := strings.CutPrefix(*value, prefix); ok {
			if !json.Valid([]byte(argument)) {
				return r, "invalid JSON in the start's argument"
			}
			return request{kind: kind, body: argument}, ""
		}
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(*value), &fields); err != nil {
		if !json.Valid([]byte(*value)) {
			return r, "invalid JSON: " + err.Error()
		}
		return r, "value is neither a start nor an object"
	}
	raw, ok := fields["ref"]
	if !ok {
		return r, "object has no ref"
	}
	var ref *string
	if err := json.Unmarshal(raw, &ref); err != nil || ref == nil {
		return r, "ref is no string"
	}
	return request{kind: eventResume, body: *value, ref: *ref}, ""
}

// textMax cuts what reasons quote.
const textMax = 128

func shortened(text string) string {
	if len(text) <= textMax {
		return text
	}
	return strings.ToValidUTF8(text[:textMax], "\uFFFD")
}
