package jsvm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// jsonOracle compares the reader with JSON.parse: an error too, or the same value to the last bit, in the same order.
func jsonOracle(t testing.TB, v *vm, text string) {
	t.Helper()
	show, err := v.rt.RunString(`(function show(x) {
		if (Object.is(x, -0)) return "-0";
		if (Array.isArray(x)) return "[" + x.map(show) + "]";
		if (x && typeof x === "object") return "{" + Reflect.ownKeys(x).map(k => k + ":" + JSON.stringify(Object.getOwnPropertyDescriptor(x, k)) + show(x[k])) + "}" + (Object.getPrototypeOf(x) === Object.prototype);
		return typeof x + String(x);
	})`)
	if err != nil {
		t.Fatal(err)
	}
	call, _ := goja.AssertFunction(show)
	describe := func(x goja.Value, err error) string {
		if err != nil {
			return "error" // in words of ours
		}
		s, err := call(nil, x)
		if err != nil {
			return "cannot be shown: " + err.Error()
		}
		kind := "object"
		if _, ok := x.(*goja.Object); !ok {
			kind = ""
			if x.ExportType() != nil {
				kind = x.ExportType().String()
			}
		}
		return kind + s.String()
	}
	got, want := describe(v.parseJSON(text)), describe(v.heap.natives.jsonParse(nil, v.rt.ToValue(text)))
	if got != want {
		t.Errorf("%q\n%s\nwant\n%s", text, got, want)
	}
}

var jsonTexts = []string{`{}`, `[]`, ` [ ] `, `{ "a" : 1 , "b" : [ true , false , null ] }`, `1`, `-1`, `0`, `-0`, `-0.0`, `0.5`, `1e3`, `1E-3`, `1e400`, `123456789012345`, `1234567890123456`,
	`9007199254740993`, `-9007199254740993`, `1.0`, `100000000000000000000`, `""`, `"a b"`, `"\u00e9"`, `"é€😀"`, `"\ud800"`, `"\n"`, "\"\n\"", `"a`, `{"a":1,"a":2}`, `{"b":1,"a":2,"1":3,"0":4}`,
	`{"__proto__":{"x":1}}`, `{"constructor":1,"toString":2}`, `{"then":1,"message":2,"name":3}`, `01`, `1.`, `.5`, `+1`, `-`, `1e`, `tru`, `truex`, `nul`, `{,}`, `[1,]`, `{"a":}`, `{"a" 1}`, `{a:1}`, `1 2`, ``, ` `, "\xff", "\"\xff\"", `{"":0}`,
	strings.Repeat("[", 100) + strings.Repeat("]", 100), "\u00a01", `{"ref":"1:ref:1","value":{"n":1}}`, `"0123456789abcdefg"`, `"0123456789abcdéfg"`}

func TestEventsAreReadAsJSONParseDoes(t *testing.T) {
	v, err := newVM(compileText(t, `export default async function main() {}`), goja.New(), Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range jsonTexts {
		jsonOracle(t, v, text)
	}
}

func FuzzEventsAreReadAsJSONParseDoes(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	v, err := newVM(compileText(f, `export default async function main() {}`), goja.New(), Limits{}.withDefaults())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<10 {
			jsonOracle(t, v, text)
		}
	})
}

// An event is read without making its object, and must be read as that object would be.
func TestEnvelopesOfEventsAreReadAsObjects(t *testing.T) {
	v, err := newVM(compileText(t, `export default async function main() {}`), goja.New(), Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	show := func(ref goja.Value, isError bool, value goja.Value, err error) string {
		if err != nil {
			return "error" // in words of ours
		}
		text, err := v.heap.natives.jsonStringify(nil, v.rt.NewArray(ref, isError, value))
		return fmt.Sprint(text, value.ExportType(), err)
	}
	parts := []string{`{`, `}`, `"ref"`, `"ref":"a"`, `"ref":1`, `"value":{"n":[1,"x",null]}`, `"value":null`, `"error":"e"`, `"error":{}`, `"other":1`, `"__proto__":{}`, `,`, ` `, `:`, `"a"`, `[`, `]`, `\`}
	texts := []string{`{"ref":"a"}`, ` { "ref" : "a" , "value" : 1 } `, `{"value":1,"ref":"a"}`, `{"ref":"a","error":1,"value":2}`, `{"ref":"a","value":1,"error":2}`, `{"ref":"\u0061"}`, `{"ref":"a","value":1e400}`, `{"ref":"a","value":-0}`,
		`}{"ref":"a"}`, `"ref":"a"}`, `{"ref":"a" "value":1}`, `{"ref":"a",}`, `{,"ref":"a"}`, `{"ref":"a"}}`, `{"ref":"a"`, `{"ref":"a","value":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `{"ref":"a","ref":"b"}`, `{"ref":"a","value":1,"value":2}`}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		text := "{"
		for range 1 + random.IntN(6) {
			text += parts[random.IntN(len(parts))]
			if random.IntN(2) == 0 {
				text += ","
			}
		}
		texts = append(texts, strings.TrimSuffix(text, ",")+"}", text)
	}
	quick := 0
	for _, text := range texts {
		got, want := show(v.parseResume(event{text})), show(v.parseAnyResume(event{text}))
		if got != want {
			t.Errorf("%s: read as %s, want %s", text, got, want)
		}
		if ref, _, _ := v.parseEnvelope(text); ref != nil {
			quick++
		}
	}
	if quick < 20 {
		t.Errorf("only %d texts were read as envelopes: the test shows nothing", quick)
	}
}
