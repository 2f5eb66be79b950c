package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with a source is said at a place that an editor finds from the
// directory that the command runs in.
func TestDiagnosticsNameFilesFromHere(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"shop/package.json":     `{"name": "shop"}`,
		"shop/src/orders.ts":    `import { total } from "./lib/money"; export default async function main() { return total; }`,
		"shop/src/lib/money.ts": "export const total = ;\n",
		"flat.ts":               "export default async function main() {\n  const x = ;\n}\n",
		"types.ts":              "export type Order = { id: string };\n",
		"missing.ts":            "import { total } from './nowhere';\nexport default async () => total;\n",
		"topic.ts":              "export const manifest = { outputTopics: ['not a topic'] };\nexport default async function main() {}\n",
		"names.ts":              "import { slep } from 'kont';\nexport default async () => slep(1);\n",
		"throws.ts":             "export default async function main() {}\nthrow new Error('at once');\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		save(t, name, text)
	}
	for entry, want := range map[string]string{
		"shop/src/orders.ts": filepath.FromSlash("shop/src/lib/money.ts") + ":1:22: ",
		"flat.ts":            "flat.ts:2:13: ",
		"types.ts":           "types.ts:1:1: no entry function",
		"missing.ts":         "missing.ts:1:23: ",
		"topic.ts":           "topic.ts:1:42: ",
		"names.ts":           "names.ts:1:10: ",
		"throws.ts":          "throws.ts:2:",
	} {
		_, err := compileSource(context.Background(), entry)
		var refused *compileError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", entry, err)
		} else if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %q, want %q", entry, err, want)
		}
	}
}
