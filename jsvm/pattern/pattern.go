// Package pattern bounds the nesting of regular expressions.
//
// The engine reads and compiles the groups of a pattern by recursion on Go's stack, and an overflow there ends the process. So the compiler looks at the patterns of
// the source, and the runtime library and the guards of natives at those that are made when the code runs.
package pattern

import "strings"

// DepthMax is how deep groups may be in each other. Go's package regexp has the same bound; patterns with a backreference or a look-around go to another engine, which has none.
const DepthMax = 1000

// IsTooDeep reports whether groups of a pattern, valid or not, are nested deeper than DepthMax (ECMAScript 22.2.1: Disjunction in Atom and Assertion).
func IsTooDeep(pattern string) bool {
	if strings.Count(pattern, "(") <= DepthMax {
		return false
	}
	depth, inClass := 0, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
		case c == '(':
			if depth++; depth > DepthMax {
				return true
			}
		case c == ')' && depth > 0:
			depth--
		}
	}
	return false
}
