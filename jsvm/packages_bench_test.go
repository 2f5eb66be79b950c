package jsvm

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// bigPackage is the text of a module as packages have them: functions that nobody calls, classes with methods, tables, closures made by factories.
func bigPackage(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "const cache = new Map(), registry = new WeakMap(), defaults = { locale: \"en\", depth: %d, nested: { list: [1, 2, { n: 3 }], when: new Date(0) } };\n", n)
	for i := range 30 {
		fmt.Fprintf(&b, `function step%[1]d(value, options = {}) {
	const merged = { ...defaults, ...options, step: %[1]d };
	if (value === undefined) throw new TypeError("step%[1]d of module %[2]d needs a value");
	for (const key of Object.keys(merged)) if (merged[key] === value) return { key, value, found: true };
	return cache.get(value) ?? [value].map((v) => ({ v, depth: merged.depth + %[1]d }));
}
`, i, n)
	}
	for i := range 6 {
		fmt.Fprintf(&b, `class Type%[1]d {
	static kinds = { a: { id: %[1]d }, b: { id: %[2]d } };
	constructor(name) { this.name = name; this.checks = []; registry.set(this, { name }); }
	check(f, message) { this.checks.push({ f, message }); return this; }
	get size() { return this.checks.length; }
	parse(value) { for (const { f, message } of this.checks) if (!f(value)) throw new Error(this.name + ": " + message); return value; }
}
`, i, n)
	}
	b.WriteString("const lazy = (make) => { let made; return { get value() { return made ??= make(); } }; };\nexport const table = {\n")
	for i := range 40 {
		fmt.Fprintf(&b, "\tentry%[1]d: { id: %[1]d, pattern: /^module%[2]d-[a-z]{%[1]d}$/, make: lazy(() => new Type%[3]d(\"t%[1]d\")), label: (n) => n === 1 ? \"one entry\" : n + \" entries of %[1]d\" },\n", i, n, i%6)
	}
	b.WriteString("};\nexport { cache, registry, defaults")
	for i := range 30 {
		fmt.Fprintf(&b, ", step%d", i)
	}
	for i := range 6 {
		fmt.Fprintf(&b, ", Type%d", i)
	}
	b.WriteString(" };\n")
	return b.String()
}

// bigBundle has a script of at least that many bytes, nearly all of it from packages.
func bigBundle(b testing.TB, bytes int) *Bundle {
	var source strings.Builder
	var packages []string
	for n, size := 0, 0; size < bytes; n++ {
		text := bigPackage(n)
		size += len(text)
		packages = append(packages, fmt.Sprintf("big%d", n), text)
		fmt.Fprintf(&source, "import * as big%[1]d from \"big%[1]d\";\nconst own%[1]d = new big%[1]d.Type0(\"own\").check((v) => v > 0, \"must be positive\");\n", n)
	}
	source.WriteString("export default async () => [")
	for n := range len(packages) / 2 {
		fmt.Fprintf(&source, "big%[1]d, own%[1]d, ", n)
	}
	source.WriteString("];\n")
	return compilePackages(b, source.String(), packages...)
}

// BenchmarkNewVMBigBundle makes VMs of a bundle with packages: run its module code, name what that made, freeze the intrinsics.
func BenchmarkNewVMBigBundle(b *testing.B) {
	for _, megabytes := range []int{1} {
		b.Run(fmt.Sprintf("script=%dMB", megabytes), func(b *testing.B) {
			bundle := bigBundle(b, megabytes<<20)
			var before, after runtime.MemStats
			var vms []*vm
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			reportCPU(b)
			for b.Loop() {
				v, err := newVM(bundle, goja.New(), Limits{}.withDefaults())
				if err != nil {
					b.Fatal(err)
				}
				if len(vms) < 10 {
					vms = append(vms, v)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(vms)), "heap-B/VM")
			b.ReportMetric(float64(len(bundle.script)), "B/script")
			b.ReportMetric(float64(len(vms[0].heap.names)), "names/VM")
			runtime.KeepAlive(vms)
		})
	}
}
