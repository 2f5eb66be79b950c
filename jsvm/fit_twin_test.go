package jsvm

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

var fitEdits = flag.Int("fit-edits", 25, "number of edited functions that the twin of Fit judges")

// linear is a function of statements in a row. Each has an id that stands in its text, so that the twin knows it again.
type linear []twinStep

type twinStep struct {
	id   int
	kind byte // a: v = await, w: await, s: let v = id, p: push(v), i: v += id
	of   int  // the variable, by the id of the statement that declares it
}

func (s twinStep) text() string {
	switch s.kind {
	case 'a':
		return fmt.Sprintf("let v%d = await W.ref<number>(\"r%d\");", s.id, s.id)
	case 'w':
		return fmt.Sprintf("await W.ref(\"r%d\");", s.id)
	case 's':
		return fmt.Sprintf("let v%d = %d;", s.id, s.id)
	case 'p':
		return fmt.Sprintf("out.push(v%d, %d);", s.of, s.id)
	}
	return fmt.Sprintf("v%d += %d;", s.of, s.id)
}

func (s twinStep) waits() bool { return s.kind == 'a' || s.kind == 'w' }
func (s twinStep) reads() bool { return s.kind == 'p' || s.kind == 'i' }

func (l linear) source() string {
	var text strings.Builder
	text.WriteString("import * as W from \"kont\";\nexport default async function main() {\n  const out: number[] = [];\n")
	for _, s := range l {
		text.WriteString("  " + s.text() + "\n")
	}
	text.WriteString("  return out;\n}\n")
	return text.String()
}

// sound: no variable is used that is not declared above.
func (l linear) sound() linear {
	declared := map[int]bool{}
	var kept linear
	for _, s := range l {
		if s.reads() && !declared[s.of] {
			continue
		}
		declared[s.id] = s.kind == 'a' || s.kind == 's'
		kept = append(kept, s)
	}
	return kept
}

func randomLinear(r *rand.Rand, n int) (l linear) {
	for id := 1; id <= n; id++ {
		l = append(l, randomStep(r, id))
	}
	return l.sound()
}

func randomStep(r *rand.Rand, id int) twinStep {
	return twinStep{id, "aawsspppii"[r.Intn(10)], 1 + r.Intn(id)}
}

func (l linear) edited(r *rand.Rand) linear {
	l = slices.Clone(l)
	if len(l) == 0 {
		return l
	}
	for range 1 + r.Intn(3) {
		i := r.Intn(len(l))
		switch r.Intn(4) {
		case 0:
			l = slices.Delete(l, i, i+1)
		case 1, 2:
			s := randomStep(r, 100+r.Intn(100))
			if s.reads() {
				s.of = l[r.Intn(len(l))].id
			}
			if !slices.ContainsFunc(l, func(other twinStep) bool { return other.id == s.id }) {
				l = slices.Insert(l, i, s)
			}
		case 3:
			j := r.Intn(len(l))
			l[i], l[j] = l[j], l[i]
		}
		if len(l) == 0 {
			return l
		}
	}
	return l.sound()
}

// twin says in a plain way whether a thread that waits at statement p of l can go on in m, and what it returns there.
func twin(l, m linear, p int) (out []int, fits bool) {
	if slices.Equal(l, m) {
		p2 := p
		return execute(l[:p+1], m[p2+1:]), true
	}
	at := slices.Index(m, l[p])
	if at < 0 {
		return nil, false
	}
	for i, s := range l {
		j := slices.Index(m, s)
		if s.waits() && i != p && j >= 0 && (i < p) != (j < at) {
			return nil, false // it would wait for it again, or never
		}
	}
	// What the rest of the new source needs from before must be what the rest of the old one needed.
	live := map[int]bool{}
	for _, s := range l[p+1:] {
		live[s.of] = live[s.of] || s.reads()
	}
	declared := map[int]bool{l[p].id: true}
	for _, s := range m[at+1:] {
		if s.reads() && !declared[s.of] {
			i := slices.IndexFunc(l[:p], func(d twinStep) bool { return d.id == s.of })
			if !live[s.of] || i < 0 {
				return nil, false
			}
		}
		declared[s.id] = true
	}
	return execute(l[:p+1], m[at+1:]), true
}

// execute runs the old statements up to the wait and the new ones behind it. Every wait gives its id times a thousand.
func execute(before, after linear) []int {
	out, values := []int{}, map[int]int{}
	for _, s := range append(slices.Clone(before), after...) {
		switch s.kind {
		case 'a':
			values[s.id] = 1000 * s.id
		case 's':
			values[s.id] = s.id
		case 'p':
			out = append(out, values[s.of], s.id)
		case 'i':
			values[s.of] += s.id
		}
	}
	return out
}

// Edits of a function itself, anywhere: Fit says yes exactly where the twin does, and the thread then returns what the twin computes.
func TestFitAgreesWithItsTwin(t *testing.T) {
	yes, no := 0, 0
	for i := range int64(*fitEdits) {
		r := rand.New(rand.NewSource(*fitSeed + i))
		l := randomLinear(r, 5+r.Intn(8))
		m := l.edited(r)
		var waits []int
		for i, s := range l {
			if s.waits() {
				waits = append(waits, i)
			}
		}
		if len(waits) == 0 || len(m) == 0 {
			continue
		}
		p := waits[r.Intn(len(waits))]
		want, fits := twin(l, m, p)
		from, to := compileText(t, l.source()), compileText(t, m.source())
		h := newHost(t, from)
		if err := h.start("null"); err != nil {
			t.Fatal(err)
		}
		event := func(s twinStep) string {
			return fmt.Sprintf(`{"ref":%q,"value":%d}`, "%d:r"+fmt.Sprint(s.id)+":1", 1000*s.id)
		}
		for _, w := range waits {
			if w == p {
				break
			}
			if err := h.send(fmt.Sprintf(event(l[w]), h.step)); err != nil {
				t.Fatal(err)
			}
		}
		moved, report, err := Move(context.Background(), h.effects.Continuation, from, to, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if report.Fits != fits {
			t.Errorf("seed %d: fits %v, the twin says %v\n%s\nwaits at %s\n\n%s\n%s", *fitSeed+i, report.Fits, fits, l.source(), l[p].text(), m.source(), fitText(report))
			continue
		}
		if !fits {
			no++
			continue
		}
		yes++
		events := []string{fmt.Sprintf(event(l[p]), h.step)}
		if at := slices.Index(m, l[p]); at >= 0 {
			for _, s := range m[at+1:] {
				if s.waits() {
					events = append(events, fmt.Sprintf(event(s), 1000+len(events)-1))
				}
			}
		}
		text, _ := json.Marshal(want)
		if got := goOn(t, to, moved, events, true); got != "workflow-result "+string(text)+"\nended\n" {
			t.Errorf("seed %d: got %s, the twin says %s\n%s\nwaits at %s\n\n%s", *fitSeed+i, got, text, l.source(), l[p].text(), m.source())
		}
	}
	if yes < *fitEdits/10 || no < *fitEdits/10 {
		t.Errorf("%d fit and %d do not: the test shows too little", yes, no)
	}
}
