package jsvm

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	"kont/jsvm/internal/randomprogram"
)

var (
	fitPrograms = flag.Int("fit-programs", 4, "number of random programs that run between edited builds of their source")
	fitSeed     = flag.Int64("fit-seed", 1, "the first seed of random edits")
)

// editedElsewhere makes edits that must not matter to a thread: things above and below, with names that make the bundler
// rename, and comments and lines between the lines of functions.
func editedElsewhere(source string, seed int64, names ...string) string {
	r := rand.New(rand.NewSource(seed))
	lines := strings.Split(source, "\n")
	var out []string
	for i, line := range lines {
		// A line after one that ends a statement or opens a block begins something; comments and empty lines fit there.
		if i > 0 && (strings.HasSuffix(lines[i-1], ";") || strings.HasSuffix(lines[i-1], "{")) {
			switch r.Intn(6) {
			case 0:
				out = append(out, "// a line about the next")
			case 1:
				out = append(out, "", "/* two", "lines */")
			case 2:
				line = "   " + line + "   // at the end"
			}
		}
		out = append(out, line)
	}
	above := []string{}
	for i, name := range names {
		switch r.Intn(4) {
		case 0:
			above = append(above, fmt.Sprintf("async function %s_above%d(n) { await n; const inner = async () => { await n; return [].map(x => x) }; return inner; }", name, i))
		case 1:
			above = append(above, fmt.Sprintf("class Above%d { #cents = 1; #n = 2; async wait() { await this.#cents; return () => this.#n } }", i))
		case 2:
			above = append(above, fmt.Sprintf("function* above%d() { yield () => 1; yield (function () { return %d }) }", i, r.Intn(9)))
		case 3:
			above = append(above, fmt.Sprintf("let rounds%d = 0; const up%d = () => ++rounds%d;", i, i, i))
		}
	}
	// Imports stay first.
	at := 0
	for i, line := range out {
		if strings.HasPrefix(line, "import ") {
			at = i + 1
		}
	}
	out = append(out[:at:at], append(above, out[at:]...)...)
	if r.Intn(2) == 0 {
		out = append(out, "function below() { return new Set([() => 1]) }", "export const unused = [below];")
	}
	return strings.Join(out, "\n")
}

// hidingModule declares names at module scope that functions use for their own: the bundler renames those.
func hidingModule(names ...string) string {
	return "export const " + strings.Join(names, " = 1, ") + " = 1;\nexport const all = () => [" + strings.Join(names, ", ") + "];\n"
}

// A saga moves to another build of its source before every step, and the story is the same.
func TestSagaMovesBetweenEditedBuilds(t *testing.T) {
	source, err := os.ReadFile("testdata/saga.ts")
	if err != nil {
		t.Fatal(err)
	}
	var builds []*Bundle
	for i := range 4 {
		text, files := string(source), fixtureFiles("")
		if i > 0 {
			text = editedElsewhere(text, *fitSeed+int64(i), "a", "b", "c", "d")
			text = strings.Replace(text, "import *", "import { all } from \"./hiding\";\nexport { all };\nimport *", 1)
			files["hiding.ts"] = mapFile("hiding.ts", hidingModule("compensations", "kind", "leg", "ref", "self", "what"))["hiding.ts"]
		}
		delete(files, "app.ts")
		files["saga.ts"] = mapFile("saga.ts", text)["saga.ts"]
		b, err := Compile(context.Background(), CompileOptions{Entry: "saga.ts", Files: files})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		builds = append(builds, b)
	}
	at, moves := 0, 0
	h := &host{t: t}
	h.remote = func(in Input) (Effects, error) {
		if in.Continuation != nil {
			next := (at + 1) % len(builds)
			moved, report, err := Move(context.Background(), in.Continuation, builds[at], builds[next], FitOptions{})
			if err != nil || !report.Fits {
				t.Fatalf("move %d from build %d to %d: %v\n%s", moves, at, next, err, fitText(report))
			}
			at, in.Continuation = next, moved
			moves++
		}
		p := NewPool(builds[at], PoolOptions{})
		defer p.Close()
		return p.Step(context.Background(), in)
	}
	sagaScript(h)
	requireSagaStory(t, h.lines)
	if moves < 6 {
		t.Errorf("only %d moves", moves)
	}
}

// The same before every job, for the values of every kind and for random programs.
func TestThreadsMoveBetweenEditedBuilds(t *testing.T) {
	sources := map[string]string{}
	for i := range int64(*fitPrograms) {
		seed := *fitSeed + i
		sources[fmt.Sprintf("program %d", seed)] = `import { log } from "./log";
export default async function entry() {
` + randomprogram.New(seed, randomprogram.Options{}) + `
return main();
}`
	}
	for name, source := range threeWayFixtures {
		if *fitPrograms > 50 || len(name)%5 == 0 { // the rest by the flag
			sources[name] = source
		}
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			edited := fixtureFiles(editedElsewhere(source, *fitSeed, "x", "y"))
			edited["hiding.ts"] = mapFile("hiding.ts", hidingModule("a", "b", "x", "f", "o", "iter", "temp"))["hiding.ts"]
			edited["app.ts"].Data = append([]byte("import { all } from \"./hiding\"; export { all };\n"), edited["app.ts"].Data...)
			other, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: edited})
			if err != nil {
				t.Fatalf("%v\n%s", err, edited["app.ts"].Data)
			}
			b := compileFixture(t, source)
			if b.Hash() == other.Hash() {
				t.Error("the edits made no difference")
			}
			plain, _ := run(t, b, false, nil)
			moved, moves := runBetween(t, b, other, true, nil)
			if plain.String() != moved.String() {
				t.Errorf("in one build\n%s\n\nmoved %d times\n%s", plain, moves, moved)
			}
		})
	}
}
