package jsvm

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kont/jsvm/bundle"
)

var askNode = flag.Bool("ask-node", false, "write what Node.js says to testdata/programs/*.txt and testdata/language/*.txt")

// The programs of testdata/programs are what authors write: 30 to 100 lines each, which log what they see. Beside each
// lies what Node.js logged when it ran the same bundle, with a stand-in for the module `kont` whose refs are settled in the same
// order. Here they run as steps, and saved and restored before every job, with marks trusted and with all descriptors read.
func TestProgramsBehaveAsInNode(t *testing.T) {
	files, err := filepath.Glob("testdata/programs/*.ts")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	defer func() { readsAllDescriptors = false }()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ts"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source := string(text)
			golden := strings.TrimSuffix(file, ".ts") + ".txt"
			if *askNode {
				if err := os.WriteFile(golden, []byte(nodeSays(t, fixtureFiles(source))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			b := compileFixture(t, source)
			for _, how := range []struct{ perJob, oracle bool }{{false, false}, {true, false}, {true, true}} {
				readsAllDescriptors = how.oracle
				got, saves := run(t, b, how.perJob, inOrder())
				if difference := firstOther(string(want), got.String()+"\n"); difference != "" {
					t.Errorf("%+v, %d saves: %s", how, saves, difference)
				}
			}
		})
	}
}

// inOrder settles the oldest ref with 1, 2, 3…; one named "fail" fails.
func inOrder() answers {
	n := 0
	return func(pending []string, _ int) (ref, value string, isError bool) {
		n++
		if strings.Contains(pending[0], ":fail:") {
			return pending[0], fmt.Sprintf(`"no %d"`, n), true
		}
		return pending[0], fmt.Sprint(n), false
	}
}

func firstOther(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d, after %q\nnode: %s\nhere: %s", i+1, a[max(0, i-2):min(i, len(a))], x, y)
		}
	}
	return ""
}

const nodeDriver = `
const fs = require("fs");
const lines = [];
const pending = [];
let step = 1, settled = 0;
const W = {
	ref(name = "ref") {
		const id = step + ":" + name + ":" + ++W.count;
		let entry;
		const p = new Promise((ok, no) => { entry = { id, ok, no }; });
		pending.push(entry);
		p.id = id; p.catch(() => {});
		return p;
	},
	outputJSON(value, topic, key = "T") { lines.push("> " + topic + " " + key + " " + JSON.stringify(value)); },
	count: 0,
};
const out = [];
const say = (s) => { out.push(s); };
const module_ = { exports: {} };
const script = fs.readFileSync(process.argv[2], "utf8");
console.log = say;
process.on("unhandledRejection", () => {});
new Function("module", "exports", "require", '"use strict";' + script)(module_, module_.exports, () => W);
let end;
const main = module_.exports.default || module_.exports.main;
new Promise((done) => done(main({ user: "ann", city: "Rome", nights: 2 }))).then(
	(v) => { const s = JSON.stringify(v); end = s === undefined ? "= undefined" : "= " + s; },
	(e) => { end = "! " + String(e); });
const turn = () => setImmediate(() => {
	out.push(...lines.splice(0));
	if (end !== undefined) return finish(end);
	if (pending.length === 0) return finish("waits for nothing");
	const e = pending[0];
	settled++;
	const isError = e.id.includes(":fail:");
	const value = isError ? "no " + settled : settled;
	out.push("# [" + pending.map((x) => x.id).join(" ") + "] <- " + e.id + " " + JSON.stringify(value));
	pending.shift();
	step++; W.count = 0;
	if (isError) e.no(value); else e.ok(value);
	turn();
});
function finish(s) { if (s[0] === "=" || s[0] === "!") out.push(s, ""); else out.push(s); process.stdout.write(out.join("\n") + "\n"); }
turn();
`

func nodeSays(t *testing.T, files fs.FS) string {
	t.Helper()
	built, err := bundle.Build(bundle.Options{Entry: "app.ts", Files: files})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"driver.js": nodeDriver, "script.js": string(built.Script)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("node", filepath.Join(dir, "driver.js"), filepath.Join(dir, "script.js"))
	command.Stderr = os.Stderr
	said, err := command.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	return string(said)
}
