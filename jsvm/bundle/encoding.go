package bundle

import (
	"bytes"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"
)

// textOnly is the plugin that refuses sources on disk which are no UTF-8. esbuild does not: it takes some of them for ever, as memory, while it quotes them for
// the source map.
func textOnly() api.Plugin {
	return api.Plugin{Name: "text only", Setup: func(build api.PluginBuild) {
		build.OnLoad(api.OnLoadOptions{Filter: `\.(?:[mc]?[jt]sx?|json|txt)$`, Namespace: "file"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := os.ReadFile(args.Path)
			if err != nil {
				return api.OnLoadResult{}, nil // as esbuild will find, which says it better
			}
			return api.OnLoadResult{Errors: notText(args.Path, text)}, nil
		})
	}}
}

// notText is the refusal of a source that is no UTF-8, at the first byte that is none; empty for others.
func notText(file string, text []byte) []api.Message {
	at := invalidAt(text)
	if at < 0 {
		return nil
	}
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := bytes.Cut(text[start:], []byte("\n"))
	return []api.Message{{
		Text:     "the file is no UTF-8 text",
		Location: &api.Location{File: file, Line: bytes.Count(text[:at], []byte("\n")) + 1, Column: at - start, LineText: strings.ToValidUTF8(string(line), "\uFFFD")},
		Notes:    []api.Note{{Text: "save it with the encoding UTF-8"}},
	}}
}

// invalidAt is the place of the first byte that belongs to no character, or -1.
func invalidAt(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}
