package jsvm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// parseJSON is JSON.parse. Events are small and come with every step; goja's JSON.parse goes through encoding/json's
// tokens, which costs five times as much as the reader below. What that does not know for certain is left to JSON.parse.
func (v *vm) parseJSON(text string) (goja.Value, error) {
	r := jsonReader{heap: v.heap, text: text}
	if value := r.value(0); value != nil {
		if r.space(); r.at == len(text) {
			return value, nil
		}
	}
	value, err := v.heap.natives.jsonParse(nil, v.rt.ToValue(text))
	var exception *goja.Exception
	if errors.As(err, &exception) {
		return nil, notJSON(text, exception)
	}
	return value, err
}

// parseEnvelope reads what nearly all events are, an object with a ref, without making that object. A nil ref: read it in the other way.
func (v *vm) parseEnvelope(text string) (ref goja.Value, isError bool, value goja.Value) {
	r := jsonReader{heap: v.heap, text: text}
	value = undefinedSelf
	if !r.take('{') {
		return nil, false, nil
	}
	for isLast := false; !isLast; {
		if r.space(); r.next() != '"' {
			return nil, false, nil
		}
		key, ok := r.string()
		if !ok || !r.take(':') {
			return nil, false, nil
		}
		one := r.value(1)
		if one == nil {
			return nil, false, nil
		}
		switch _, isText := one.(goja.String); {
		case key == "ref" && isText && ref == nil:
			ref = one
		case key == "value" && value == undefinedSelf && !isError:
			value = one
		case key == "error" && value == undefinedSelf && !isError:
			isError, value = true, one
		default: // twice, both, or a key that nobody reads
			return nil, false, nil
		}
		if isLast = r.take('}'); !isLast && !r.take(',') {
			return nil, false, nil
		}
	}
	if r.space(); r.at != len(text) {
		return nil, false, nil
	}
	return ref, isError, value
}

// notJSON tells whoever has sent a text what is wrong with it: goja's own error names the Go function that called its parser.
func notJSON(text string, refused *goja.Exception) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("it is no JSON, it is empty")
	}
	var ignored json.RawMessage
	var malformed *json.SyntaxError
	if errors.As(json.Unmarshal([]byte(text), &ignored), &malformed) {
		return fmt.Errorf("it is no JSON: %w, at byte %d", malformed, malformed.Offset)
	}
	return fmt.Errorf("it is no JSON: %s", exceptionText(refused))
}

// jsonReader makes values of the JSON texts that nearly all events are.
type jsonReader struct {
	heap *heap
	text string
	at   int
}

// jsonReaderDepthMax bounds the reader's recursion.
const jsonReaderDepthMax = 64

// next is the byte at hand, 0 at the end.
func (r *jsonReader) next() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// take skips space and the byte c, if it comes next.
func (r *jsonReader) take(c byte) bool {
	r.space()
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

// value reads a value; nil: leave the text to JSON.parse.
func (r *jsonReader) value(depth int) goja.Value {
	r.space()
	switch c := r.next(); {
	case c == '{' && depth < jsonReaderDepthMax:
		return r.object(depth + 1)
	case c == '[' && depth < jsonReaderDepthMax:
		return r.array(depth + 1)
	case c == '"':
		if s, ok := r.string(); ok {
			return r.heap.rt.ToValue(s)
		}
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == 't':
		return r.word("true", valueTrue)
	case c == 'f':
		return r.word("false", valueFalse)
	case c == 'n':
		return r.word("null", nullSelf)
	}
	return nil
}

func (r *jsonReader) word(word string, value goja.Value) goja.Value {
	if len(r.text)-r.at < len(word) || r.text[r.at:r.at+len(word)] != word {
		return nil
	}
	r.at += len(word)
	return value
}

// object reads an object, but none with a key that assignment would not make a property of.
func (r *jsonReader) object(depth int) goja.Value {
	r.at++
	o := r.heap.rt.NewObject()
	if r.take('}') {
		return o
	}
	for {
		if r.space(); r.next() != '"' {
			return nil
		}
		key, ok := r.string()
		if !ok || !r.take(':') {
			return nil
		}
		if _, taken := r.heap.objectProtoNames[key]; taken {
			return nil
		}
		value := r.value(depth)
		if value == nil || o.Set(key, value) != nil {
			return nil
		}
		if r.take('}') {
			return o
		}
		if !r.take(',') {
			return nil
		}
	}
}

func (r *jsonReader) array(depth int) goja.Value {
	r.at++
	var items []any
	if r.take(']') {
		return r.heap.rt.NewArray()
	}
	for {
		value := r.value(depth)
		if value == nil {
			return nil
		}
		items = append(items, value)
		if r.take(']') {
			return r.heap.rt.NewArray(items...)
		}
		if !r.take(',') {
			return nil
		}
	}
}

// string reads a text without escapes, in valid UTF-8.
func (r *jsonReader) string() (string, bool) {
	from := r.at + 1
	for i := from; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			s := r.text[from:i]
			return s, utf8.ValidString(s)
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

// safeDigits is how many decimal digits every integer has that a double holds exactly.
const safeDigits = 15

// number reads what the grammar of JSON allows (RFC 8259, section 6), but not -0.
func (r *jsonReader) number() goja.Value {
	from := r.at
	if r.next() == '-' {
		r.at++
	}
	digits := r.digits()
	first := r.at - digits
	isInteger := true
	if digits == 0 || digits > 1 && r.text[first] == '0' {
		return nil
	}
	if r.next() == '.' {
		r.at++
		isInteger = false
		if r.digits() == 0 {
			return nil
		}
	}
	if c := r.next(); c == 'e' || c == 'E' {
		r.at++
		isInteger = false
		if c := r.next(); c == '+' || c == '-' {
			r.at++
		}
		if r.digits() == 0 {
			return nil
		}
	}
	text := r.text[from:r.at]
	if isInteger && digits <= safeDigits {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n == 0 && text != "0" {
			return nil
		}
		return r.heap.rt.ToValue(n)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f == 0 {
		return nil
	}
	return r.heap.rt.ToValue(f)
}

func (r *jsonReader) digits() int {
	from := r.at
	for c := r.next(); c >= '0' && c <= '9'; c = r.next() {
		r.at++
	}
	return r.at - from
}
