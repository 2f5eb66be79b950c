package testhost

import (
	"fmt"
	"slices"
	"strings"
)

const (
	diffContext  = 2    // unchanged lines that are shown around changes
	diffLinesMax = 200  // of a printed diff
	diffEditsMax = 1000 // beyond, what lies between the common ends is shown as replaced
)

// line is a line of a printed value, with the way to what stands there.
type line struct{ text, path string }

// edit is a line of a diff: ' ' in both, '-' expected only, '+' actual only.
type edit struct {
	kind byte
	line line
}

// diff shows what has to change in the lines that were expected to get the actual ones: hunks of lines, each below the way to its first change. It is empty if
// nothing has to.
func diff(expected, actual []line) string {
	edits := editsOf(expected, actual)
	var hunks []string
	for i := 0; i < len(edits); {
		if edits[i].kind == ' ' {
			i++
			continue
		}
		end, quiet := i, 0 // behind the last change of the hunk
		for j := i; j < len(edits) && quiet <= 2*diffContext; j++ {
			if quiet++; edits[j].kind != ' ' {
				end, quiet = j+1, 0
			}
		}
		hunks = append(hunks, hunkText(edits, i, end))
		i = end
	}
	if len(hunks) == 0 {
		return ""
	}
	lines := strings.Split("- expected\n+ actual\n"+strings.Join(hunks, "\n"), "\n")
	if len(lines) > diffLinesMax {
		lines = append(lines[:diffLinesMax], fmt.Sprintf("… %d more lines", len(lines)-diffLinesMax))
	}
	return strings.Join(lines, "\n")
}

// hunkText prints the edits from the first change to behind the last, and what is around them.
func hunkText(edits []edit, from, to int) string {
	var text strings.Builder
	if path := pathOf(edits[from:to]); path != "" {
		text.WriteString("@ " + path + "\n")
	}
	shown := edits[max(0, from-diffContext):min(len(edits), to+diffContext)]
	for i, e := range shown {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(strings.TrimRight(string(e.kind)+" "+e.line.text, " "))
	}
	return text.String()
}

// pathOf is the way to the first change. The lines of a snapshot have none.
func pathOf(changes []edit) string {
	for _, e := range changes {
		if e.kind != ' ' && e.line.path != "" {
			return e.line.path
		}
	}
	return ""
}

// editsOf is a shortest edit script: E. W. Myers, "An O(ND) difference algorithm and its variations", 1986.
func editsOf(old, new []line) (edits []edit) {
	start := 0
	for start < len(old) && start < len(new) && old[start].text == new[start].text {
		edits = append(edits, edit{' ', new[start]})
		start++
	}
	end := 0
	for end < len(old)-start && end < len(new)-start && old[len(old)-1-end].text == new[len(new)-1-end].text {
		end++
	}
	edits = append(edits, middle(old[start:len(old)-end], new[start:len(new)-end])...)
	for _, l := range new[len(new)-end:] {
		edits = append(edits, edit{' ', l})
	}
	return edits
}

// middle compares what lies between the common ends.
func middle(old, new []line) (edits []edit) {
	// furthest[k+most+1] is the furthest x on diagonal k = x - y that d edits reach; trace keeps it as it was before each d.
	most := min(len(old)+len(new), diffEditsMax)
	furthest := make([]int, 2*most+3)
	var trace [][]int
	for d := 0; d <= most; d++ {
		trace = append(trace, slices.Clone(furthest[most-d:most+d+3]))
		for k := -d; k <= d; k += 2 {
			at := k + most + 1
			x := furthest[at-1] + 1
			if k == -d || k != d && furthest[at-1] < furthest[at+1] {
				x = furthest[at+1]
			}
			y := x - k
			for x < len(old) && y < len(new) && old[x].text == new[y].text {
				x, y = x+1, y+1
			}
			furthest[at] = x
			if x >= len(old) && y >= len(new) {
				return walkBack(old, new, trace)
			}
		}
	}
	for _, l := range old {
		edits = append(edits, edit{'-', l})
	}
	for _, l := range new {
		edits = append(edits, edit{'+', l})
	}
	return edits
}

// walkBack turns the trace into edits.
func walkBack(old, new []line, trace [][]int) []edit {
	var back []edit
	x, y := len(old), len(new)
	for d := len(trace) - 1; d >= 0; d-- {
		k := x - y
		furthest := func(k int) int { return trace[d][k+d+1] }
		from := k - 1
		if k == -d || k != d && furthest(k-1) < furthest(k+1) {
			from = k + 1
		}
		fromX := furthest(from)
		fromY := fromX - from
		for x > fromX && y > fromY && x > 0 && y > 0 {
			x, y = x-1, y-1
			back = append(back, edit{' ', new[y]})
		}
		if d == 0 {
			break
		}
		if x > fromX {
			x--
			back = append(back, edit{'-', old[x]})
		} else {
			y--
			back = append(back, edit{'+', new[y]})
		}
	}
	edits := make([]edit, 0, len(back))
	for i := len(back) - 1; i >= 0; i-- {
		edits = append(edits, back[i])
	}
	return edits
}
