package testhost

import (
	"crypto/sha256"
	"os"
	"slices"
	"time"
)

// Input is a file that something was made of, and what it held.
type Input struct {
	Path string // absolute
	sum  [sha256.Size]byte
}

// inputsOf takes down what files hold that have just been read, from when on is told. One that has been written since may have been read
// before or after: it counts as changed. One from the future, by a clock that is wrong, does not, or it would for ever.
func inputsOf(paths []string, began time.Time) []Input {
	var inputs []Input
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		input := Input{Path: path}
		if info, err := os.Stat(path); err != nil || info.ModTime().Before(began) || info.ModTime().After(time.Now()) {
			input.sum = contentOf(path)
		}
		inputs = append(inputs, input)
	}
	return inputs
}

// HasChanged says that the file holds something else now.
func (i Input) HasChanged() bool { return contentOf(i.Path) != i.sum }

// contentOf is the same for all files that cannot be read.
func contentOf(path string) [sha256.Size]byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return sha256.Sum256(nil)
	}
	return sha256.Sum256(append([]byte{1}, text...))
}
