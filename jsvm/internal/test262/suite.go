package test262

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Suite is a checkout.
type Suite struct {
	root    string
	harness sync.Map // text by file name
}

// Open checks that root is a checkout.
func Open(root string) (*Suite, error) {
	for _, name := range []string{"test/language", "harness/assert.js", "harness/sta.js"} {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
			return nil, fmt.Errorf("%s is no checkout of test262: %w", root, err)
		}
	}
	return &Suite{root: root}, nil
}

// Paths are the tests below dirs, slash-separated and relative to test/, sorted. A directory that the suite does not have is left out: suites of
// different years differ.
func (s *Suite) Paths(dirs []string) ([]string, error) {
	base := filepath.Join(s.root, "test")
	var list []string
	for _, dir := range dirs {
		err := fs.WalkDir(os.DirFS(base), dir, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && path.Ext(name) == ".js" && !strings.Contains(path.Base(name), "_FIXTURE") {
				list = append(list, name)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("list tests below %s: %w", dir, err)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Harness is the text of a file of harness/.
func (s *Suite) Harness(name string) (string, error) {
	if text, ok := s.harness.Load(name); ok {
		return text.(string), nil
	}
	raw, err := os.ReadFile(filepath.Join(s.root, "harness", filepath.Base(name)))
	if err != nil {
		return "", fmt.Errorf("read harness file: %w", err)
	}
	s.harness.Store(name, string(raw))
	return string(raw), nil
}

// Read reads and parses one test.
func (s *Suite) Read(name string) (*Test, error) {
	raw, err := os.ReadFile(filepath.Join(s.root, "test", filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("read test: %w", err)
	}
	return Parse(name, string(raw))
}

// Test is one test.
type Test struct {
	Path string // slash-separated, relative to test/
	Text string
	Meta
}

// Meta is a test's front matter.
type Meta struct {
	Includes []string  `yaml:"includes"`
	Flags    []string  `yaml:"flags"`
	Features []string  `yaml:"features"`
	Negative *Negative `yaml:"negative"`
}

// Negative says that a test must fail.
type Negative struct {
	// Phase is "parse" (in older suites "early"), "resolution" or "runtime".
	Phase string `yaml:"phase"`
	// Type is the name of the error's constructor.
	Type string `yaml:"type"`
}

// Has reports whether a test has a flag.
func (m *Meta) Has(flag string) bool { return slices.Contains(m.Flags, flag) }

// IsEarly: the test must be refused before it runs.
func (m *Meta) IsEarly() bool { return m.Negative != nil && m.Negative.Phase != "runtime" }

// Parse reads a test's front matter.
func Parse(name, text string) (*Test, error) {
	t := &Test{Path: name, Text: text}
	_, rest, found := strings.Cut(text, "/*---")
	if !found {
		return t, nil
	}
	matter, _, found := strings.Cut(rest, "---*/")
	if !found {
		return nil, fmt.Errorf("%s: front matter has no end", name)
	}
	// The suite has files with every kind of line end: that is what some of them are about.
	matter = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(matter)
	if err := yaml.Unmarshal([]byte(matter), &t.Meta); err != nil {
		return nil, fmt.Errorf("%s: front matter: %w", name, err)
	}
	return t, nil
}
