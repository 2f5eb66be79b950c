package compile_test

import (
	"flag"
	"strings"
	"testing"

	"kont/jsvm/internal/randomprogram"
)

var randomPrograms = flag.Int("random-programs", 150, "how many random programs to compare")

// Random programs run alike plain and rewritten. A failing seed prints its
// program; it is then worth a fixture.
func TestRandomProgramsRunAlike(t *testing.T) {
	for seed := range int64(*randomPrograms) {
		source := randomprogram.New(seed, randomprogram.Options{})
		plain := runPlain(t, source)
		if strings.Contains(plain.end, "Compiler bug") || strings.Contains(plain.end, "panic") {
			continue // a fault of goja's own
		}
		if difference := firstDifference(plain, runRewritten(t, source)); difference != "" {
			t.Fatalf("seed %d: %s\n%s", seed, difference, source)
		}
	}
}
