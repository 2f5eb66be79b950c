package jsvm

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPoolTellsWhetherModuleCodeAsksForTimeOrChance(t *testing.T) {
	for expression, want := range map[string]bool{
		"1": false, "Math.random": false, "() => Math.random() + Date.now()": false,
		"Math.random()": true, "Date.now()": true, "new Date()": true, "crypto.randomUUID()": true,
	} {
		t.Run(expression, func(t *testing.T) {
			entry := filepath.Join(t.TempDir(), "app.ts")
			source := "const made = " + expression + ";\nexport default async function main() { return [typeof made, Math.random(), Date.now()] }"
			if err := os.WriteFile(entry, []byte(source), 0o666); err != nil {
				t.Fatal(err)
			}
			b, err := Compile(t.Context(), CompileOptions{Entry: entry})
			if err != nil {
				t.Fatal(err)
			}
			p := NewPool(b, PoolOptions{VMsMax: 1, Restore: RestoreJobs, Random: rand.NewPCG(1, 2), Clock: func() time.Time { return time.UnixMilli(5) }})
			defer p.Close()
			for id := range uint64(3) {
				if _, err := p.Step(t.Context(), Input{Thread: "t", StepID: id + 1, Event: []byte("null")}); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.LoadsByChance(); got != want {
				t.Errorf("it says %t", got)
			}
		})
	}
}
