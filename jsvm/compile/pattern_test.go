package compile_test

import "testing"

// Array patterns with defaults that have a default themselves, which goja's parser refuses as properties of object patterns, mean what they say.
func TestArrayPatternsWithDefaultsHaveDefaults(t *testing.T) {
	for source, want := range map[string]string{
		"const { q: [r = 1] = [] } = {}; return r":                                                                          "1",
		"const { q: [r = 1, { s: [u = (2, 3)] = [] } = {}] = [] } = {}; return [r, u]":                                      "[1, 3]",
		"const f = ({ q: [r = 1, ...[s = 2]] = [] } = {}) => [r, s]; return [f(), f({ q: [5, 6] })]":                        "[[1, 2], [5, 6]]",
		"class A { n = 7; m({ q: [r = this.n] = [] }) { return r } } return new A().m({})":                                  "7",
		"const all = []; for (const { q: [r = 4] = [] } of [{}, { q: [5] }]) { await null; all.push(r) } return all":        "[4, 5]",
		"try { throw {} } catch ({ q: [r = 8] = [] }) { await null; return r }":                                             "8",
		"let é = '漢'; const { q: [r = await null + é, s = '漢'] = [] } = {}; return r + s":                                   "null漢漢",
		"const g = function* ({ q: [r = 1] = [] } = {}) { const { u: [v = yield r] = [] } = {}; yield v }; return [...g()]": "[1, undefined]",
	} {
		o := runRewritten(t, "async function main() { "+source+" }")
		if o.end != "" || len(o.log) != 1 || o.log[0] != "= "+want {
			t.Errorf("%s: %s", source, o)
		}
	}
}
