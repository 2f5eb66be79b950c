package compile

import (
	"errors"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

func TestPlainScriptRunsAsItIs(t *testing.T) {
	program, err := Plain(Script{Name: "test.js", Text: "var log = [];\n(async () => { log.push(3 > 2 > 1, await 5); class A { #n = 6; get() { return this.#n } } log.push(new A().get()) })();"})
	if err != nil {
		t.Fatal(err)
	}
	rt := goja.New()
	if _, err := rt.RunProgram(program); err != nil {
		t.Fatal(err)
	}
	// The engine's parser reads 3 > 2 > 1 as 3 > (2 > 1), which is true.
	if got := rt.Get("log").String(); got != "false,5,6" {
		t.Errorf("got %s", got)
	}
}

func TestPlainScriptIsRefusedAtItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"let a = 1;\nlet a = 2;": "test.js:2:5: ",
		"let a = ;":              "test.js:1:9: ",
		"var import_m = __require(\"m\");\n(0, import_m.nothing)(1);": "the module \"m\" exports no `nothing`",
		"var import_m = require(\"m\");\n(0, import_m.tex)(1);":       "did you mean `text`?",
		"f(a < (`x` + b) < d)": "test.js:1:8: comparisons in a row",
	} {
		_, err := Plain(Script{Name: "test.js", Text: text, Modules: map[string][]string{"m": {"text"}}})
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
