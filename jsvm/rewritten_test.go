package jsvm

import (
	"strings"
	"testing"
)

// Every await of the author's sources has its comment, in the function that it belongs to and nowhere else.
func TestRewrittenNamesEachResumePoint(t *testing.T) {
	for _, file := range []string{"testdata/saga.ts", "testdata/kinds.ts"} {
		b := compileFile(t, file)
		r, err := b.Rewritten()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Module, "manifest = {outputTopics:") {
			t.Errorf("the module's code is\n%s", r.Module)
		}
		text := map[string]string{}
		for _, f := range r.Functions {
			text[f.Key] = f.Text
		}
		points := 0
		for _, f := range b.layout.functions {
			for i, p := range f.points {
				if i == 0 || !b.isOwn(p.position.File) {
					continue
				}
				points++
				comment := "// " + p.position.String() + " " + p.key
				if strings.HasPrefix(p.key, "start") {
					continue // nobody wrote it
				}
				if n := strings.Count(text[f.id.Key], comment+"\n") + strings.Count(text[f.id.Key], comment+"  "); n != 1 {
					t.Errorf("%s has %q %d times\n%s", f.id.Key, comment, n, text[f.id.Key])
				}
			}
		}
		if points < 10 {
			t.Errorf("only %d points in %s", points, file)
		}
	}
}
