package principal

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
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
// Patterns are Go's (RE2), which have neither backreferences nor lookaround; a rule
// that uses them is refused when it is read.
type Rules []rule

type rule struct {
	// pattern is nil for DEFAULT.
	pattern     *regexp.Regexp
	replacement string
	letters     byte
}

// ErrNoRule: no rule matches the name. Its owner is nobody here.
var ErrNoRule = errors.New("no rule maps the distinguished name")

var (
	defaultRule = regexp.MustCompile(`^\s*DEFAULT\s*(?:,|$)`)
	mappingRule = regexp.MustCompile(`^\s*RULE:([^/]*)/([^/]*)/([LU]?)\s*(?:,|$)`)
	reference   = regexp.MustCompile(`\$(\d+)`)
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
		for _, group := range reference.FindAllStringSubmatch(found[2], -1) {
			if len(group[1]) > 2 || int(group[1][0]-'0') > pattern.NumSubexp() {
				return nil, fmt.Errorf("rule %q: the pattern has %d groups, and the replacement uses $%s",
					strings.TrimSpace(found[0]), pattern.NumSubexp(), group[1])
			}
		}
		made := rule{pattern: pattern, replacement: reference.ReplaceAllString(found[2], "$${$1}")}
		if found[3] != "" {
			made.letters = found[3][0]
		}
		rules = append(rules, made)
		rest = rest[len(found[0]):]
	}
	return rules, nil
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
