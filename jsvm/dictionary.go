package jsvm

import (
	"regexp"
	"sort"

	"kont/jsvm/continuation"
)

// dictionaryWordsMax bounds the words of the script in a bundle's dictionary.
const dictionaryWordsMax = 2048

var wordPattern = regexp.MustCompile(`[A-Za-z_$][A-Za-z0-9_$]{1,39}`)

// makeDictionary collects the strings that continuations of a bundle are likely to use: first those
// of the runtime library, which all of them use, then the keys of the bundle's functions and resume
// points and its locals, then the words of its script, frequent ones first.
func makeDictionary(l *layout, runtimeNames []string, runtimeShapes []continuation.DictionaryShape, script []byte) *continuation.Dictionary {
	d := &continuation.Dictionary{Shapes: runtimeShapes}
	seen := map[string]bool{}
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			d.Strings = append(d.Strings, s)
		}
	}
	for _, s := range runtimeNames {
		add(s)
	}
	add(pointFinished)
	shaped := map[string]bool{}
	addShape := func(keys []string) {
		if key := string(continuation.ShapeKey(nil, keys, "", "")); !shaped[key] && len(keys) > 0 {
			shaped[key] = true
			d.Shapes = append(d.Shapes, continuation.DictionaryShape{Keys: keys})
		}
	}
	for i := range l.functions {
		f := &l.functions[i]
		d.Functions = append(d.Functions, f.id)
		for _, p := range f.points {
			if p.key != "" {
				add(p.key)
			}
			for _, s := range p.slots {
				add(s)
			}
			addShape(p.slots)
		}
		for _, env := range f.environments {
			for _, s := range env {
				add(s)
			}
			addShape(env)
		}
	}
	counts := map[string]int{}
	for _, w := range wordPattern.FindAll(script, -1) {
		counts[string(w)]++
	}
	words := make([]string, 0, len(counts))
	for w := range counts {
		if !seen[w] {
			words = append(words, w)
		}
	}
	sort.Slice(words, func(i, j int) bool {
		if counts[words[i]] != counts[words[j]] {
			return counts[words[i]] > counts[words[j]]
		}
		return words[i] < words[j]
	})
	for _, w := range words[:min(len(words), dictionaryWordsMax)] {
		add(w)
	}
	return d
}
