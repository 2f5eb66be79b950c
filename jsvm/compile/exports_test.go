package compile_test

import (
	"fmt"
	"testing"

	"kont/jsvm/compile"
)

// As much of a path is followed as the source spells out; a circle of names ends.
func TestPlacesOfExportsAreFound(t *testing.T) {
	exports, err := compile.FindExports(script(t, map[string]string{
		"app.ts": `import { topics } from "./topics";
const shared = { topics, list: ["a", "b"] };
export const manifest = Object.freeze({ outputTopics: shared, other: topics });
export async function main() { return a; }
const made = topics.map((t) => t);
export { made };
export class Late {}
var a = b, b = a;
export { a as round };
`,
		"topics.ts": "\nexport const topics = [\"x\", `y`];",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(exports.Names); got != "[Late made main manifest round]" {
		t.Errorf("names %q", got)
	}
	for _, c := range []struct {
		path []string
		want string
	}{
		{[]string{"main"}, "{app.ts 4 1} true"},
		{[]string{"Late"}, "{app.ts 7 8} true"},
		{[]string{"manifest", "outputTopics", "list", "1"}, "{app.ts 2 38} true"},
		{[]string{"manifest", "outputTopics", "topics", "0"}, "{topics.ts 2 24} true"},
		{[]string{"manifest", "other", "0"}, "{topics.ts 2 24} true"},
		{[]string{"manifest", "other", "7"}, "{topics.ts 2 23} true"},
		{[]string{"manifest", "none", "0"}, "{app.ts 3 25} true"},
		{[]string{"made", "0"}, "{app.ts 5 14} true"},
		{[]string{"none"}, "{ 0 0} false"},
	} {
		at, ok := exports.Place(c.path[0], c.path[1:]...)
		if got := fmt.Sprint(at, ok); got != c.want {
			t.Errorf("%q: got %s, want %s", c.path, got, c.want)
		}
	}
	if _, ok := exports.Place("round"); !ok {
		t.Error("no place for names in a circle")
	}
}
