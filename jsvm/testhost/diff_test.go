package testhost

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func linesOf(text string) (lines []line) {
	for _, l := range strings.Split(text, "") {
		lines = append(lines, line{text: l})
	}
	return lines
}

// distanceTwin is the length of the shortest edit script, by the table of all prefixes.
func distanceTwin(a, b []line) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
				table[i][j] = i + j
			case a[i-1].text == b[j-1].text:
				table[i][j] = table[i-1][j-1]
			default:
				table[i][j] = 1 + min(table[i-1][j], table[i][j-1])
			}
		}
	}
	return table[len(a)][len(b)]
}

func TestEditsLeadFromOneToTheOtherAndAreFewest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := make([]byte, random.IntN(30))
		for i := range b {
			b[i] = "abcd"[random.IntN(4)]
		}
		return string(b)
	}
	for range 2000 {
		a, b := linesOf(text()), linesOf(text())
		var before, after []line
		changes := 0
		for _, e := range editsOf(a, b) {
			if e.kind != '+' {
				before = append(before, line{text: e.line.text})
			}
			if e.kind != '-' {
				after = append(after, line{text: e.line.text})
			}
			if e.kind != ' ' {
				changes++
			}
		}
		if !slices.Equal(before, a) || !slices.Equal(after, b) || changes != distanceTwin(a, b) {
			t.Fatalf("%v to %v: %d changes, want %d", a, b, changes, distanceTwin(a, b))
		}
	}
}

func TestDiffOfMuchIsQuickAndShort(t *testing.T) {
	var a, b []line
	for i := range 50_000 {
		a, b = append(a, line{text: fmt.Sprint("a", i)}), append(b, line{text: fmt.Sprint("b", i)})
	}
	lines := strings.Split(diff(a, b), "\n")
	if len(lines) != diffLinesMax+1 || lines[diffLinesMax] != "… 99802 more lines" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestDiffHasAHunkForEachPlace(t *testing.T) {
	var a, b []line
	for i := range 20 {
		l := line{fmt.Sprint("line ", i), fmt.Sprintf("[%d]", i)}
		a, b = append(a, l), append(b, l)
	}
	b[2].text, b[4].text, b[15].text = "x", "y", "z"
	want := `- expected
+ actual
@ [2]
  line 0
  line 1
- line 2
+ x
  line 3
- line 4
+ y
  line 5
  line 6
@ [15]
  line 13
  line 14
- line 15
+ z
  line 16
  line 17`
	if got := diff(a, b); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := diff(a, a); got != "" {
		t.Errorf("of equal lines: %s", got)
	}
}
