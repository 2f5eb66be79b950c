package kafkacompat

import (
	"runtime"
	"strings"
	"testing"
)

// Small patterns that make large programs are refused before they do.
func TestPatternsThatTakeMuchAreRefused(t *testing.T) {
	for name, pattern := range map[string]string{
		"too long":        strings.Repeat("a", patternBytesMax+1),
		"counted":         strings.Repeat(".{1000}", patternBytesMax/7),
		"from a count on": strings.Repeat(".{999,}", patternBytesMax/7),
		"count of counts": strings.Repeat("((ab){30}c){30}", 100),
		"large classes":   strings.Repeat(`\pL`, patternBytesMax/3),
		"not closed":      "a)(b",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := compilePattern(pattern)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: compiled", name)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
			t.Errorf("%s: %d bytes were taken", name, took)
		}
	}
	for name, pattern := range map[string]string{
		"many names":  strings.Repeat("orders-of-a-region|", patternBytesMax/19),
		"a few words": `(?i)orders-\pL{1,40}\.[0-9]{1,9}`,
		"counts":      "[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}",
		"anything":    ".*",
		"nothing":     "",
	} {
		if _, err := compilePattern(pattern); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
