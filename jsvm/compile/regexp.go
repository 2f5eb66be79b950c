package compile

import (
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/pattern"
	"kont/jsvm/property"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// expandRegExps gives the regular expressions of the source the meaning that goja misses: property escapes are written out (package property), and the flag v is taken for u where
// the pattern has none of what only v has. What is left is refused here: goja would tell only when the code runs. The bundler makes a call of RegExp of a literal with the flag v;
// such calls with other arguments are looked at when they run (runtime/regexp.ts). Those that are tooDeep would end the process that compiles them (package pattern).
func expandRegExps(program *ast.Program) (refused, tooDeep []scope.Problem) {
	syntax.Walk(program, func(n ast.Node) bool {
		refuse := func(text, hint string) {
			refused = append(refused, scope.Problem{At: n.Idx0(), Text: text, Hint: hint})
		}
		switch n := n.(type) {
		case *ast.RegExpLiteral:
			if pattern.IsTooDeep(n.Pattern) {
				tooDeep = append(tooDeep, scope.Problem{At: n.Idx0(), Text: "groups of the regular expression are nested too deeply", Hint: "use groups in a row"})
				return true
			}
			if text, hint := flagProblem(n.Pattern, n.Flags); text != "" {
				refuse(text, hint)
				return true
			}
			n.Flags = strings.Replace(n.Flags, "v", "u", 1)
			if !strings.Contains(n.Flags, "u") {
				return true
			}
			expanded, err := property.Expand(n.Pattern)
			if err != nil {
				refuse(err.Error(), "list the characters, as in [a-z]")
				return true
			}
			n.Pattern = expanded
		case *ast.NewExpression:
			if callee, ok := n.Callee.(*ast.Identifier); ok && callee.Name == "RegExp" && len(n.ArgumentList) == 2 {
				source, isText := n.ArgumentList[0].(*ast.StringLiteral)
				flags, areText := n.ArgumentList[1].(*ast.StringLiteral)
				if isText && areText {
					if text, hint := flagProblem(source.Value.String(), flags.Value.String()); text != "" {
						refuse(text, hint)
					}
				}
			}
		}
		return true
	})
	return refused, tooDeep
}

// flagProblem says what the engine cannot do with a flag.
func flagProblem(pattern, flags string) (text, hint string) {
	switch {
	case strings.Contains(flags, "d"):
		return "the flag `d` of regular expressions is not supported: the engine does not tell where groups are", "use `index` and the lengths of the groups"
	case strings.Contains(flags, "v") && hasSetNotation(pattern):
		return "set notation in regular expressions (flag `v`) is not supported", "write the class out, with the flag `u`"
	}
	return "", ""
}

// hasSetNotation reports whether a pattern has what only the flag v gives a meaning: classes in classes, `--`, `&&` in a class, \q{…}.
func hasSetNotation(pattern string) bool {
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			if i++; i < len(pattern) && pattern[i] == 'q' && inClass {
				return true
			}
		case c == '[':
			if inClass {
				return true
			}
			inClass = true
		case c == ']':
			inClass = false
		case inClass && i+1 < len(pattern) && (c == '-' || c == '&') && pattern[i+1] == c:
			return true
		}
	}
	return false
}
