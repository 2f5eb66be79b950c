package jsvm

import (
	"fmt"
	"strings"

	"kont/jsvm/compile"
)

// matcher finds the functions of one build in another: by the key, as long as that is unambiguous, and among siblings
// of one name by their texts. Ordinals are never trusted: a sibling that is new or gone shifts them.
type matcher struct {
	from, to *outlined
	moved    map[string]string
	matches  map[int]match
	// children are the functions of a build, by what tells siblings of one name.
	fromChildren, toChildren map[siblings][]int
	byWhole                  map[string][]int // of to
}

// match is where a function is in the other build.
type match struct {
	id int // -1: it is not there
	// isGuess: nothing but its place tells that it is the same function.
	isGuess   bool
	why, hint string
}

// siblings are the functions of one name in one place.
type siblings struct {
	parent int // or -1, and then
	module string
	base   string
	member string // kind of a class's member
}

func newMatcher(from, to *outlined, moved map[string]string) *matcher {
	m := &matcher{from: from, to: to, moved: moved, matches: map[int]match{}, byWhole: map[string][]int{}}
	m.fromChildren, m.toChildren = childrenOf(from), childrenOf(to)
	for id := range to.Functions {
		whole := to.Functions[id].Whole
		m.byWhole[whole] = append(m.byWhole[whole], id)
	}
	return m
}

func childrenOf(o *outlined) map[siblings][]int {
	children := map[siblings][]int{}
	for id := range o.Functions {
		s := o.siblings(id)
		children[s] = append(children[s], id)
	}
	return children
}

func (o *outlined) siblings(id int) siblings {
	f := &o.manifest.Functions[id]
	s := siblings{parent: o.Functions[id].Parent, base: o.Functions[id].Base}
	if s.parent < 0 {
		s.module, _, _ = strings.Cut(f.Key, "#")
	}
	if f.Member != nil {
		s.member = fmt.Sprint(f.Member.Kind, f.Member.Static)
	}
	return s
}

// module is the path of a module in the other build.
func (m *matcher) module(path string) string {
	if to, ok := m.moved[path]; ok {
		return to
	}
	return path
}

func (m *matcher) match(id int) match {
	if found, ok := m.matches[id]; ok {
		return found
	}
	found := m.find(id)
	m.matches[id] = found
	return found
}

func (m *matcher) find(id int) match {
	key := m.from.manifest.Functions[id].Key
	if to, ok := m.moved[key]; ok && strings.Contains(key, "#") {
		for other := range m.to.manifest.Functions {
			if m.to.manifest.Functions[other].Key == to {
				return match{id: other}
			}
		}
		return match{id: -1, why: fmt.Sprintf("it was said to be %s now, and there is no such function", to)}
	}
	own := m.from.siblings(id)
	mapped := own
	mapped.module = m.module(own.module)
	// The bundler puts a CommonJS module into a function that has the module's path for a name.
	for path, to := range m.moved {
		if own.base == compile.KeyPart(path) {
			mapped.base = compile.KeyPart(to)
		}
	}
	if own.parent >= 0 {
		parent := m.match(own.parent)
		if parent.id < 0 {
			return match{id: -1, why: "the function around it is gone", hint: m.elsewhere(id)}
		}
		mapped.parent = parent.id
	}
	olds, news := m.fromChildren[own], m.toChildren[mapped]
	isNamed := m.from.Functions[id].Named
	if len(news) == 0 {
		return match{id: -1, why: "the new source has no such function", hint: m.elsewhere(id)}
	}
	if len(olds) == 1 && len(news) == 1 {
		return match{id: news[0], isGuess: !isNamed}
	}
	whole := m.from.Functions[id].Whole
	sameOld, sameNew := withText(m.from, olds, whole), withText(m.to, news, whole)
	switch {
	case len(sameNew) > 0 && len(sameNew) == len(sameOld):
		for i, old := range sameOld {
			if old == id {
				return match{id: sameNew[i]}
			}
		}
	case len(sameNew) > 0 && m.isOneKind(sameOld, sameNew):
		return match{id: sameNew[0]} // whichever: they do the same with what they are given
	case len(sameNew) > 0:
		return match{id: -1, why: fmt.Sprintf("%d functions here had this text, and %d have it now", len(sameOld), len(sameNew)), hint: "give them names that tell them apart"}
	}
	restOld, restNew := without(m.from, olds, m.to, news), without(m.to, news, m.from, olds)
	if len(restOld) == 1 && len(restNew) == 1 {
		return match{id: restNew[0], isGuess: true}
	}
	return match{id: -1, why: fmt.Sprintf("its text changed, and so did that of others of the same name beside it (%d of %d)", len(restOld), len(olds)),
		hint: "change them one at a time, or give them names that tell them apart"}
}

// elsewhere says where a function with the same text is now.
func (m *matcher) elsewhere(id int) string {
	for _, other := range m.byWhole[m.from.Functions[id].Whole] {
		from, to := &m.from.manifest.Functions[id], &m.to.manifest.Functions[other]
		if m.to.Functions[other].Own == m.from.Functions[id].Own && len(m.byWhole[m.to.Functions[other].Whole]) == 1 && from.IsClass == to.IsClass {
			return fmt.Sprintf("one with its text is at %s: if it moved, say so: %s=%s", m.to.at(other), from.Key, to.Key)
		}
	}
	module, path, _ := strings.Cut(m.from.manifest.Functions[id].Key, "#")
	found, at := "", 0
	for other := range m.to.manifest.Functions {
		if to, name, _ := strings.Cut(m.to.manifest.Functions[other].Key, "#"); name == path && to != module {
			if found != "" {
				found = ""
				break
			}
			found, at = to, other
		}
	}
	if found != "" {
		return fmt.Sprintf("one of its name is at %s: if the file was renamed, say so: %s=%s", m.to.at(at), module, found)
	}
	return "keep the function as long as a thread uses it"
}

// withText lists those of a group that have a text.
func withText(o *outlined, group []int, whole string) (list []int) {
	for _, id := range group {
		if o.Functions[id].Whole == whole {
			list = append(list, id)
		}
	}
	return list
}

// without lists those of a group whose text nobody in the other group has.
func without(o *outlined, group []int, other *outlined, others []int) (list []int) {
	for _, id := range group {
		if len(withText(other, others, o.Functions[id].Whole)) == 0 {
			list = append(list, id)
		}
	}
	return list
}

// isOneKind: functions of one text are the same if their variables come from the same places.
func (m *matcher) isOneKind(olds, news []int) bool {
	first := &m.to.Functions[news[0]]
	for _, id := range olds {
		if !sameEnvs(m.from.Functions[id].Around, first.Around) {
			return false
		}
	}
	for _, id := range news {
		if !sameEnvs(m.to.Functions[id].Around, first.Around) {
			return false
		}
	}
	return true
}

func sameEnvs(a, b []compile.EnvOutline) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Place != b[i].Place || len(a[i].Fields) != len(b[i].Fields) {
			return false
		}
		for j := range a[i].Fields {
			if a[i].Fields[j].Name != b[i].Fields[j].Name || a[i].Fields[j].Kind != b[i].Fields[j].Kind {
				return false
			}
		}
	}
	return true
}
