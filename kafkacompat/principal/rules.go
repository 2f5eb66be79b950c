package principal

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Rules make users' names of distinguished names, as ssl.principal.mapping.rules
// does (KIP-371):
//
//	RULE:pattern/replacement/[LU],RULE:…,DEFAULT
//
// The first rule counts whose pattern matches the whole name; $1 in the replacement is
// what the first group matched; L and U make the result small or large. DEFAULT is the
// name as it is. The nil Rules are DEFAULT.
//
// A backslash takes the meaning of the character after it, so that \/ is a slash in the
// pattern and in the replacement, and \$ a dollar sign in the replacement.
//
// Patterns are Go's (RE2), which have neither backreferences nor lookaround; a rule
// that uses them is refused when it is read.
type Rules []rule

type rule struct {
	// pattern is nil for DEFAULT.
	pattern *regexp.Regexp
	// replacement is a template of package regexp.
	replacement string
	letters     byte
}

// ErrNoRule: no rule matches the name. Its owner is nobody here.
var ErrNoRule = errors.New("no rule maps the distinguished name")

var (
	defaultRule = regexp.MustCompile(`^\s*DEFAULT\s*(?:,|$)`)
	mappingRule = regexp.MustCompile(`^\s*RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?)\s*(?:,|$)`)
)

// ParseRules reads rules. The empty text is DEFAULT.
func ParseRules(text string) (Rules, error) {
	var rules Rules
	for rest := text; strings.TrimSpace(rest) != ""; {
		if found := defaultRule.FindString(rest); found != "" {
			rules = append(rules, rule{})
			rest = rest[len(found):]
			continue
		}
		found := mappingRule.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf("%q is neither DEFAULT nor RULE:pattern/replacement/[LU]", strings.TrimSpace(rest))
		}
		pattern, err := regexp.Compile(`^(?:` + found[1] + `)$`)
		if err != nil {
			return nil, fmt.Errorf("pattern of rule %q: %w", strings.TrimSpace(found[0]), err)
		}
		replacement, err := template(found[2], pattern)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", strings.TrimSpace(found[0]), err)
		}
		made := rule{pattern: pattern, replacement: replacement}
		if found[3] != "" {
			made.letters = found[3][0]
		}
		rules = append(rules, made)
		rest = rest[len(found[0]):]
	}
	return rules, nil
}

// template writes a replacement, as java.util.regex reads it, for package regexp.
//
//	$12        ${12}, or ${1}2 if the pattern has no twelfth group
//	${name}    ${name}
//	\x         x
//
// Any other dollar sign, and a group that is not there, Java refuses when a name comes
// that matches, or writes as they are; here the rule is refused when it is read.
func template(replacement string, pattern *regexp.Regexp) (string, error) {
	var made strings.Builder
	literal := func(text string) { made.WriteString(strings.ReplaceAll(text, "$", "$$")) }
	for rest := replacement; rest != ""; {
		switch {
		case rest[0] == '\\':
			_, size := utf8.DecodeRuneInString(rest[1:])
			literal(rest[1 : 1+size])
			rest = rest[1+size:]
		case rest[0] != '$':
			literal(rest[:1])
			rest = rest[1:]
		default:
			if name, after, ok := strings.Cut(rest[1:], "}"); ok && strings.HasPrefix(name, "{") && pattern.SubexpIndex(name[1:]) > 0 {
				made.WriteString("$" + name + "}")
				rest = after
				continue
			}
			group, digits := 0, 0
			for _, digit := range []byte(rest[1:]) {
				if digit < '0' || digit > '9' || group*10+int(digit-'0') > pattern.NumSubexp() {
					break
				}
				group, digits = group*10+int(digit-'0'), digits+1
			}
			if digits == 0 {
				return "", fmt.Errorf("the pattern has %d groups, and the replacement has a $ of none of them at %q", pattern.NumSubexp(), rest)
			}
			fmt.Fprintf(&made, "${%d}", group)
			rest = rest[1+digits:]
		}
	}
	return made.String(), nil
}

// Name is the user's name for a distinguished name, or ErrNoRule.
func (rules Rules) Name(distinguishedName string) (string, error) {
	if rules == nil {
		return distinguishedName, nil
	}
	for _, r := range rules {
		if r.pattern == nil {
			return distinguishedName, nil
		}
		if !r.pattern.MatchString(distinguishedName) {
			continue
		}
		name := r.pattern.ReplaceAllString(distinguishedName, r.replacement)
		switch r.letters {
		case 'L':
			name = strings.ToLower(name)
		case 'U':
			name = strings.ToUpper(name)
		}
		return name, nil
	}
	return "", fmt.Errorf("%w %q", ErrNoRule, distinguishedName)
}
