package compile

import (
	"sort"
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// normaliser gives the text of parts of a script such that two builds can be compared: without comments and
// formatting, and with the names that the author wrote. The bundler renames what a name elsewhere would hide, and
// breaks lines where a comment stands.
type normaliser struct {
	text   string
	pieces []piece // by place
}

// piece is a token that is not to be taken as it stands.
type piece struct {
	from, to int
	text     string
	opaque   bool // a regular expression: not to be looked into
}

// hole is a part that a text leaves out, or that something else stands for.
type hole struct {
	from, to int
	text     string
}

func newNormaliser(script Script, p *positions, info *scope.Info, program *ast.Program) *normaliser {
	n := &normaliser{text: script.Text}
	names := map[*scope.Binding]string{}
	authorName := func(b *scope.Binding) string {
		name, ok := names[b]
		if !ok {
			name = p.authorName(b)
			names[b] = name
		}
		return name
	}
	add := func(at, length int, text string, opaque bool) {
		if from := at - 1; from >= 0 && from+length <= len(n.text) {
			n.pieces = append(n.pieces, piece{from, from + length, text, opaque})
		}
	}
	syntax.Walk(program, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.RegExpLiteral:
			add(int(node.Idx), len(node.Literal), node.Literal, true)
		case *ast.Identifier:
			if ref := info.Refs[node]; ref != nil && ref.Binding != nil {
				if name := node.Name.String(); name != authorName(ref.Binding) {
					add(int(node.Idx), len(name), authorName(ref.Binding), false)
				}
			}
		case *ast.PropertyShort:
			// {total} is {total: total2} where the bundler has renamed the variable.
			name := node.Name.Name.String()
			value := name
			if ref := info.Refs[&node.Name]; ref != nil && ref.Binding != nil {
				value = authorName(ref.Binding)
			}
			add(int(node.Name.Idx), len(name), name+":"+value, false)
			if !syntax.IsNil(node.Initializer) {
				return true
			}
			return false
		}
		return true
	})
	// Of two at one place the first is right: the name of a shorthand property is an identifier too.
	sort.SliceStable(n.pieces, func(i, j int) bool { return n.pieces[i].from < n.pieces[j].from })
	return n
}

// authorName is a binding's name without what the compiler and the bundler add to it.
func (p *positions) authorName(b *scope.Binding) string {
	name := b.SourceName[strings.LastIndexByte(b.SourceName, ':')+1:]
	if at, _ := p.of(b.At); b.At > 0 && p.consumer != nil && at.Module == p.name {
		// A helper of the bundler's own, which has no place in the author's sources and no names there.
		if base := strings.TrimRight(name, "0123456789"); base != "" {
			return base
		}
	}
	for _, prefix := range []string{"import_", "require_", "init_"} {
		if b.InModule() && strings.HasPrefix(name, prefix) {
			return strings.TrimRight(name, "0123456789") // the bundler's own: one for each module that imports
		}
	}
	return name
}

// tokens is the normal text of a part. Holes are in order and may overlap; the first counts.
func (n *normaliser) tokens(from, to int, holes []hole) string {
	t := tokenizer{normaliser: n, to: min(to, len(n.text)), holes: holes}
	t.run(max(from, 0))
	return t.out.String()
}

type tokenizer struct {
	*normaliser
	to    int
	holes []hole
	out   strings.Builder
	last  byte // of out
	gap   bool // white space since
}

func (t *tokenizer) run(at int) {
	next := sort.Search(len(t.pieces), func(i int) bool { return t.pieces[i].from >= at })
	var templates []int // depths of braces around the `${` that are open
	depth := 0
	for at < t.to {
		for len(t.holes) > 0 && t.holes[0].from < at {
			t.holes = t.holes[1:]
		}
		if len(t.holes) > 0 && t.holes[0].from == at && t.holes[0].to >= at {
			h := t.holes[0]
			t.holes = t.holes[1:]
			t.write(h.text)
			at = h.to
			continue
		}
		for next < len(t.pieces) && t.pieces[next].from < at {
			next++
		}
		if next < len(t.pieces) && t.pieces[next].from == at && t.pieces[next].to <= t.to {
			t.write(t.pieces[next].text)
			at = t.pieces[next].to
			continue
		}
		c := t.text[at]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			t.gap = true
			at++
		case strings.HasPrefix(t.text[at:], "/*"):
			t.gap = true
			at = after(t.text, at+2, "*/")
		case strings.HasPrefix(t.text[at:], "//"):
			t.gap = true
			at = after(t.text, at, "\n")
		case c == '"' || c == '\'':
			end := at + 1
			for end < t.to && t.text[end] != c {
				if t.text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, t.to)
			t.write(t.text[at:end])
			at = end
		case c == '`' || c == '}' && len(templates) > 0 && templates[len(templates)-1] == depth:
			if c == '}' {
				templates = templates[:len(templates)-1]
			}
			end, opens := templateEnd(t.text, at+1, t.to)
			if opens {
				templates = append(templates, depth)
			}
			t.write(t.text[at:end])
			at = end
		case isWord(c):
			end := at
			for end < t.to && isWord(t.text[end]) {
				end++
			}
			t.write(t.text[at:end])
			at = end
		default:
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
			t.write(t.text[at : at+1])
			at++
		}
	}
}

// write adds a token, with a space where the two would run together.
func (t *tokenizer) write(token string) {
	if token == "" {
		return
	}
	first := token[0]
	if t.gap && t.last != 0 && (isWord(t.last) && isWord(first) || t.last == first && strings.IndexByte("+-/", first) >= 0) {
		t.out.WriteByte(' ')
	}
	t.out.WriteString(token)
	t.last, t.gap = token[len(token)-1], false
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '\\' || c == '#'
}

// templateEnd goes to the end of a template's text: behind its back quote, or behind `${`.
func templateEnd(text string, at, to int) (end int, opens bool) {
	for at < to {
		switch {
		case text[at] == '\\':
			at++
		case text[at] == '`':
			return at + 1, false
		case text[at] == '$' && at+1 < to && text[at+1] == '{':
			return at + 2, true
		}
		at++
	}
	return to, false
}

// after is the place behind the next occurrence of what, or the end.
func after(text string, at int, what string) int {
	if i := strings.Index(text[at:], what); i >= 0 {
		return at + i + len(what)
	}
	return len(text)
}
