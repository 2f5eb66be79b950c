package continuation

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JavaScript strings are sequences of UTF-16 units, lone surrogates included. They are
// stored as WTF-8 (https://wtf-8.codeberg.page): UTF-8, but a lone surrogate takes
// the three bytes that its number would. A well-formed string is plain UTF-8.

// TextFromUnits encodes UTF-16 units.
func TextFromUnits(units []uint16) string {
	var b strings.Builder
	b.Grow(len(units) + len(units)/2)
	for i := 0; i < len(units); i++ {
		u := rune(units[i])
		switch {
		case utf16.IsSurrogate(u) && i+1 < len(units) && utf16.DecodeRune(u, rune(units[i+1])) != utf8.RuneError:
			b.WriteRune(utf16.DecodeRune(u, rune(units[i+1])))
			i++
		case utf16.IsSurrogate(u):
			b.Write([]byte{0xE0 | byte(u>>12), 0x80 | byte(u>>6)&0x3F, 0x80 | byte(u)&0x3F})
		default:
			b.WriteRune(u)
		}
	}
	return b.String()
}

// UnitsFromText decodes WTF-8. Bytes that are neither UTF-8 nor a lone surrogate become U+FFFD.
func UnitsFromText(s string) []uint16 {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 && i+2 < len(s) && s[i] == 0xED && s[i+1]&0xE0 == 0xA0 && s[i+2]&0xC0 == 0x80 {
			units = append(units, 0xD000|uint16(s[i+1]&0x3F)<<6|uint16(s[i+2]&0x3F))
			i += 3
			continue
		}
		units = utf16.AppendRune(units, r)
		i += size
	}
	return units
}

// IsWellFormed reports whether a stored string has no lone surrogates.
func IsWellFormed(s string) bool { return utf8.ValidString(s) }
