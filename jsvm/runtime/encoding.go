package runtime

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// setEncodings makes the functions of texts and bytes that encoding.ts and url.ts call: in JavaScript each would take a microsecond a byte.
func setEncodings(vm *goja.Runtime, set func(name string, f func(goja.FunctionCall) goja.Value)) {
	set("encodeUTF8", func(call goja.FunctionCall) goja.Value {
		return vm.ToValue(vm.NewArrayBuffer(encodeUTF8(call.Argument(0).ToString())))
	})
	set("decode", func(call goja.FunctionCall) goja.Value {
		label, buffer, ok := call.Argument(0).String(), call.Argument(1).Export(), false
		var bytes []byte
		if b, isBuffer := buffer.(goja.ArrayBuffer); isBuffer && !b.Detached() {
			all, from, length := b.Bytes(), call.Argument(2).ToInteger(), call.Argument(3).ToInteger()
			if ok = from >= 0 && length >= 0 && from+length <= int64(len(all)); ok {
				bytes = all[from : from+length]
			}
		}
		if !ok {
			panic(vm.NewTypeError("decode: the bytes are not in the buffer"))
		}
		fatal, isLast := call.Argument(4).ToBoolean(), call.Argument(5).ToBoolean()
		var text goja.Value
		var rest int
		switch label {
		case "utf-8":
			text, rest, ok = decodeUTF8(vm, bytes, fatal, isLast)
		case "utf-16le", "utf-16be":
			text, rest, ok = decodeUTF16(bytes, label == "utf-16be", fatal, isLast)
		default:
			text = decodeSingleByte(bytes)
		}
		if !ok {
			return goja.Null()
		}
		return vm.NewArray(text, rest)
	})
	set("encodeBase64", func(call goja.FunctionCall) goja.Value {
		text := call.Argument(0).ToString().(goja.String)
		bytes := make([]byte, text.Length())
		for i := range bytes {
			unit := text.CharAt(i)
			if unit > 0xff {
				return goja.Null()
			}
			bytes[i] = byte(unit)
		}
		return vm.ToValue(base64.StdEncoding.EncodeToString(bytes))
	})
	set("decodeBase64", func(call goja.FunctionCall) goja.Value {
		bytes, ok := decodeBase64(call.Argument(0).String())
		if !ok {
			return goja.Null()
		}
		units := make([]uint16, len(bytes))
		for i, b := range bytes {
			units[i] = uint16(b)
		}
		return goja.StringFromUTF16(units)
	})
}

// encodeUTF8 writes a text as a USVString: a lone surrogate becomes U+FFFD.
func encodeUTF8(value goja.Value) []byte {
	text := value.(goja.String)
	bytes := make([]byte, 0, text.Length())
	for i, n := 0, text.Length(); i < n; i++ {
		r := rune(text.CharAt(i))
		if utf16.IsSurrogate(r) {
			next := rune(0)
			if i+1 < n {
				next = rune(text.CharAt(i + 1))
			}
			if r = utf16.DecodeRune(r, next); r != utf8.RuneError {
				i++
			}
		}
		bytes = utf8.AppendRune(bytes, r)
	}
	return bytes
}

// decodeUTF8 is the decoder of the Encoding standard, section 8.1.1: each maximal part of a sequence that is no valid one becomes a U+FFFD. rest counts the bytes of
// an unfinished sequence at the end, unless these bytes are the last. It is false at an error if that is fatal.
func decodeUTF8(vm *goja.Runtime, bytes []byte, fatal, isLast bool) (text goja.Value, rest int, ok bool) {
	if utf8.Valid(bytes) {
		return vm.ToValue(string(bytes)), 0, true
	}
	var out strings.Builder
	for i := 0; i < len(bytes); {
		r, size := utf8.DecodeRune(bytes[i:])
		if r != utf8.RuneError || size > 1 {
			out.WriteRune(r)
			i += size
			continue
		}
		length, isUnfinished := invalidPart(bytes[i:])
		if isUnfinished && !isLast {
			return vm.ToValue(out.String()), len(bytes) - i, true
		}
		if fatal {
			return nil, 0, false
		}
		out.WriteRune(utf8.RuneError)
		i += length
	}
	return vm.ToValue(out.String()), 0, true
}

// invalidPart is the length of the first bytes that could have begun a sequence, at least 1, and whether they are all that there is.
func invalidPart(bytes []byte) (length int, isUnfinished bool) {
	first := bytes[0]
	lower, upper, needed := byte(0x80), byte(0xbf), 0
	switch {
	case first >= 0xc2 && first <= 0xdf:
		needed = 1
	case first >= 0xe0 && first <= 0xef:
		needed = 2
		if first == 0xe0 {
			lower = 0xa0
		} else if first == 0xed {
			upper = 0x9f
		}
	case first >= 0xf0 && first <= 0xf4:
		needed = 3
		if first == 0xf0 {
			lower = 0x90
		} else if first == 0xf4 {
			upper = 0x8f
		}
	default:
		return 1, false
	}
	for length = 1; length <= needed; length++ {
		if length == len(bytes) {
			return length, true
		}
		if b := bytes[length]; b < lower || b > upper {
			return length, false
		}
		lower, upper = 0x80, 0xbf
	}
	return length, false
}

// decodeUTF16 is section 14.2.1 of the Encoding standard.
func decodeUTF16(bytes []byte, isBigEndian, fatal, isLast bool) (text goja.Value, rest int, ok bool) {
	unit := func(i int) uint16 {
		if isBigEndian {
			return uint16(bytes[i])<<8 | uint16(bytes[i+1])
		}
		return uint16(bytes[i+1])<<8 | uint16(bytes[i])
	}
	units := make([]uint16, 0, len(bytes)/2)
	i := 0
	for ; i+1 < len(bytes); i += 2 {
		u := unit(i)
		if !utf16.IsSurrogate(rune(u)) {
			units = append(units, u)
			continue
		}
		isHigh := u < 0xdc00
		if isHigh && i+3 >= len(bytes) && !isLast {
			break
		}
		if isHigh && i+3 < len(bytes) {
			if low := unit(i + 2); low >= 0xdc00 && low <= 0xdfff {
				units = append(units, u, low)
				i += 2
				continue
			}
		}
		if isHigh && i+3 == len(bytes) {
			i = len(bytes) // the odd byte belongs to the same error
		}
		if fatal {
			return nil, 0, false
		}
		units = append(units, utf8.RuneError)
	}
	if i < len(bytes) {
		if !isLast {
			return goja.StringFromUTF16(units), len(bytes) - i, true
		}
		if fatal {
			return nil, 0, false
		}
		units = append(units, utf8.RuneError)
	}
	return goja.StringFromUTF16(units), 0, true
}

// windows1252 are the characters of the bytes 0x80 to 0x9f in the encoding that the labels latin1 and ascii stand for (Encoding standard, section 9).
var windows1252 = [32]uint16{0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178}

func decodeSingleByte(bytes []byte) goja.Value {
	units := make([]uint16, len(bytes))
	for i, b := range bytes {
		if units[i] = uint16(b); b >= 0x80 && b < 0xa0 {
			units[i] = windows1252[b-0x80]
		}
	}
	return goja.StringFromUTF16(units)
}

// decodeBase64 is the forgiving-base64 decode of the Infra standard, section 6.
func decodeBase64(text string) ([]byte, bool) {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\n\f\r", r) {
			return -1
		}
		return r
	}, text)
	if len(text)%4 == 0 {
		text = strings.TrimSuffix(text, "=")
		if len(text)%4 == 3 {
			text = strings.TrimSuffix(text, "=")
		}
	}
	if len(text)%4 == 1 || strings.ContainsAny(text, "=\r\n") {
		return nil, false
	}
	bytes, err := base64.RawStdEncoding.DecodeString(text) // bits that are left over are dropped
	return bytes, err == nil
}
