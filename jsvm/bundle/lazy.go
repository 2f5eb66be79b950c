package bundle

import (
	"fmt"
	"regexp"
)

// lazyModule is what esbuild makes of a module that is not run in its turn: of one that is required, imported by a
// call, or part of a cycle.
var lazyModule = regexp.MustCompile(`(?m)^var ([\w$]+) = __(?:esm|commonJS)\(\{$`)

// runLazyModules has the script run, at its end, the modules that nothing has asked for yet. A thread may ask for one
// later, and it would be too late then: module code runs as the bundle loads, and what it makes is frozen afterwards.
//
// One that throws does so for whoever asks for it, as it would have.
func (r *Result) runLazyModules() {
	for _, module := range lazyModule.FindAllSubmatch(r.Script, -1) {
		r.Script = fmt.Appendf(r.Script, "try { %[1]s(); } catch (error) { %[1]s = () => { throw error; }; }\n", module[1])
	}
}
