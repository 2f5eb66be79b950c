// Package property writes out the Unicode property escapes of regular expressions, \p{…} and \P{…}, as ranges of characters.
//
// goja reads \p as the letter p, without a word: `/^\p{L}+$/u` would refuse every name. So the compiler rewrites regular expressions in the source, and the runtime library
// those that are made by `new RegExp`. ECMAScript 22.2.1 and tables 67 to 70 have the names; the characters are those of the Unicode version of Go's package unicode.
//
// It refuses what that package has no table for (Script_Extensions, Emoji, ID_Start by other properties than its own, properties of strings) with an error that names it, and
// never guesses. It keeps nothing.
package property

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Expand writes out the property escapes of a pattern with the flag u. A pattern without any is returned as it is.
func Expand(pattern string) (string, error) {
	if !strings.Contains(pattern, `\p`) && !strings.Contains(pattern, `\P`) {
		return pattern, nil
	}
	var out strings.Builder
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '[' && !inClass:
			inClass = true
		case c == ']' && inClass:
			inClass = false
		case c == '\\' && i+1 < len(pattern):
			if pattern[i+1] != 'p' && pattern[i+1] != 'P' {
				out.WriteString(pattern[i : i+2])
				i++
				continue
			}
			end := strings.IndexByte(pattern[i:], '}')
			if end < 0 || i+2 >= len(pattern) || pattern[i+2] != '{' {
				return "", fmt.Errorf("invalid property name in a regular expression")
			}
			ranges, err := rangesOf(pattern[i+3 : i+end])
			if err != nil {
				return "", err
			}
			if pattern[i+1] == 'P' {
				ranges = complement(ranges)
			}
			write(&out, ranges, inClass)
			i += end
			continue
		}
		out.WriteByte(pattern[i])
	}
	return out.String(), nil
}

// interval is first to last.
type interval struct{ first, last rune }

// write puts ranges into a class, or makes one of them. An empty set matches nothing: [^\0-\u{10ffff}].
func write(out *strings.Builder, ranges []interval, inClass bool) {
	if !inClass && len(ranges) == 0 {
		out.WriteString(`[^\u{0}-\u{10ffff}]`)
		return
	}
	if !inClass {
		out.WriteByte('[')
	}
	for _, r := range ranges {
		fmt.Fprintf(out, `\u{%x}`, r.first)
		if r.last > r.first {
			fmt.Fprintf(out, `-\u{%x}`, r.last)
		}
	}
	if !inClass {
		out.WriteByte(']')
	}
}

// rangesOf are the characters that have a property: `Name`, or `Name=Value`.
func rangesOf(text string) ([]interval, error) {
	name, value, hasValue := strings.Cut(text, "=")
	unknown := fmt.Errorf("the Unicode property %q of a regular expression is not known", text)
	if hasValue {
		switch name {
		case "General_Category", "gc":
			if table := category(value); table != nil {
				return merge(table), nil
			}
		case "Script", "sc":
			if table, ok := unicode.Scripts[value]; ok {
				return merge(table), nil
			}
			if table, ok := unicode.Scripts[scriptAliases[value]]; ok {
				return merge(table), nil
			}
		}
		return nil, unknown
	}
	if tables, ok := binaries[name]; ok {
		return merge(tables...), nil
	}
	switch name {
	case "Any":
		return []interval{{0, unicode.MaxRune}}, nil
	case "ASCII":
		return []interval{{0, 0x7f}}, nil
	case "Assigned":
		return assigned(), nil
	case "Unassigned", "Cn":
		return complement(assigned()), nil
	case "Other", "C":
		return union(complement(assigned()), merge(unicode.C)), nil
	}
	if table := category(name); table != nil {
		return merge(table), nil
	}
	return nil, unknown
}

func assigned() []interval {
	tables := make([]*unicode.RangeTable, 0, len(unicode.Categories))
	for name, table := range unicode.Categories {
		if name != "Cn" && name != "C" {
			tables = append(tables, table)
		}
	}
	tables = append(tables, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
	return merge(tables...)
}

// category is a general category by its short or long name; C and Cn are not tables.
func category(name string) *unicode.RangeTable {
	if short, ok := categoryAliases[name]; ok {
		name = short
	}
	switch name {
	case "C", "Cn":
		return nil
	case "LC":
		return &unicode.RangeTable{R16: slices.Concat(unicode.Lu.R16, unicode.Ll.R16, unicode.Lt.R16), R32: slices.Concat(unicode.Lu.R32, unicode.Ll.R32, unicode.Lt.R32)}
	}
	return unicode.Categories[name]
}

// merge lists the characters of tables as intervals in order, as few as there can be.
func merge(tables ...*unicode.RangeTable) []interval {
	var all []interval
	add := func(first, last, stride rune) {
		if stride == 1 {
			all = append(all, interval{first, last})
			return
		}
		for r := first; r <= last; r += stride {
			all = append(all, interval{r, r})
		}
	}
	for _, table := range tables {
		for _, r := range table.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range table.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return joined(all)
}

func union(a, b []interval) []interval { return joined(slices.Concat(a, b)) }

func joined(all []interval) []interval {
	slices.SortFunc(all, func(a, b interval) int { return int(a.first - b.first) })
	out := all[:0]
	for _, r := range all {
		if n := len(out); n > 0 && r.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

func complement(ranges []interval) (out []interval) {
	next := rune(0)
	for _, r := range ranges {
		if r.first > next {
			out = append(out, interval{next, r.first - 1})
		}
		next = r.last + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, interval{next, unicode.MaxRune})
	}
	return out
}
