package property

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// Each expansion is read by Go's regexp, which writes \u{…} as \x{…}, and asked about every character; the dumb twin asks the tables.
func TestExpansionsMatchTheirCharacters(t *testing.T) {
	for escape, has := range map[string]func(r rune) bool{
		`\p{L}`: unicode.IsLetter, `\P{L}`: func(r rune) bool { return !unicode.IsLetter(r) }, `\p{Letter}`: unicode.IsLetter, `\p{gc=L}`: unicode.IsLetter, `\p{General_Category=Uppercase_Letter}`: unicode.IsUpper, `\p{Lu}`: unicode.IsUpper,
		`\p{Nd}`: unicode.IsDigit, `\p{N}`: unicode.IsNumber, `\p{P}`: unicode.IsPunct, `\p{Script=Greek}`: func(r rune) bool { return unicode.Is(unicode.Greek, r) }, `\p{sc=Cyrl}`: func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) },
		`\p{White_Space}`: unicode.IsSpace, `\p{Alphabetic}`: func(r rune) bool { return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_Alphabetic) }, `\p{ASCII}`: func(r rune) bool { return r < 128 }, `\p{Any}`: func(rune) bool { return true }, `\P{Any}`: func(rune) bool { return false },
		`[\p{L}_\d-]`: func(r rune) bool { return unicode.IsLetter(r) || r == '_' || r == '-' || r >= '0' && r <= '9' }, `[^\p{L}\p{N}]`: func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }, `[\P{Lu}]`: func(r rune) bool { return !unicode.IsUpper(r) },
		`\p{LC}`: func(r rune) bool { return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt) }, `\p{Cc}`: unicode.IsControl, `\p{Sc}`: func(r rune) bool { return unicode.Is(unicode.Sc, r) },
	} {
		pattern, err := Expand(escape)
		if err != nil {
			t.Errorf("%s: %v", escape, err)
			continue
		}
		re, err := regexp.Compile("^" + strings.ReplaceAll(pattern, `\u{`, `\x{`) + "$")
		if err != nil {
			t.Errorf("%s: %v", escape, err)
			continue
		}
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if r >= 0xd800 && r < 0xe000 || r > 0x3000 && r%7 != 0 { // lone surrogates are no text of Go's; of the many characters beyond, some
				continue
			}
			if re.MatchString(string(r)) != has(r) {
				t.Errorf("%s: %U is %t", escape, r, !has(r))
				break
			}
		}
	}
}

func TestOtherEscapesAreLeftAlone(t *testing.T) {
	for pattern, want := range map[string]string{`a\d[\]p]\\p{L}`: `a\d[\]p]\\p{L}`, `\bp{L}`: `\bp{L}`, ``: ``, `\\\\p`: `\\\\p`, `(?<p>x)\k<p>`: `(?<p>x)\k<p>`} {
		if got, err := Expand(pattern); got != want || err != nil {
			t.Errorf("%s: %s, %v", pattern, got, err)
		}
	}
}

func TestUnknownPropertiesAreNamed(t *testing.T) {
	for pattern, want := range map[string]string{`\p{Emoji}`: `"Emoji"`, `\p{Script_Extensions=Greek}`: `"Script_Extensions=Greek"`, `\p{Script=Klingon}`: `"Script=Klingon"`, `\p{gc=Zz}`: `"gc=Zz"`, `\p{}`: `""`, `\pL`: "invalid property name", `\p{L`: "invalid property name", `\p`: "invalid property name", `\p{lu}`: `"lu"`} {
		if got, err := Expand(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v", pattern, got, err)
		}
	}
}
