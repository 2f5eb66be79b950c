package runtime

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// randomBranch makes an expression of nested calls, combinators, chains and timers. Every call logs that it has begun and how it has ended.
func randomBranch(r *rand.Rand, depth int, n *int) string {
	*n++
	id := *n
	if depth == 0 {
		switch r.Intn(6) {
		case 0:
			return fmt.Sprintf(`W.refId("r%d")`, id)
		case 1:
			return `W.sleep(5)`
		case 2:
			return fmt.Sprintf(`leaf("l%d", "undo%d")`, id, id)
		default:
			return fmt.Sprintf(`leaf("l%d")`, id)
		}
	}
	some := func() string {
		var parts []string
		for range 1 + r.Intn(3) {
			parts = append(parts, randomBranch(r, depth-1, n))
		}
		return strings.Join(parts, ", ")
	}
	switch r.Intn(8) {
	case 0:
		return fmt.Sprintf(`node("n%d", function* () { yield %s; return yield %s })()`, id, randomBranch(r, depth-1, n), randomBranch(r, depth-1, n))
	case 1:
		return fmt.Sprintf(`node("n%d", function* () { const early = %s; Promise.resolve(early).catch(() => {}); yield %s; return yield early })()`, id, randomBranch(r, depth-1, n), randomBranch(r, depth-1, n))
	case 2:
		return fmt.Sprintf(`%s.then(v => v, e => { throw e })`, randomBranch(r, depth-1, n))
	case 3:
		return fmt.Sprintf(`node("n%d", function* () { return W.withCancellationScope(undefined, () => %s) })()`, id, randomBranch(r, depth-1, n))
	case 4:
		return fmt.Sprintf(`node("n%d", function* () { try { return yield %s } catch (e) { return yield leaf("c%d") } })()`, id, randomBranch(r, depth-1, n), id)
	default:
		return fmt.Sprintf(`Promise.%s([%s])`, []string{"all", "race", "any", "allSettled"}[r.Intn(4)], some())
	}
}

const randomPrelude = `const state = new Map(); const begin = (name) => { if (state.has(name)) throw Error("twice " + name); state.set(name, "running"); log(name, "begins") };
	const end = (name, how) => { if (state.get(name) !== "running") throw Error(name + " ends twice"); state.set(name, how); log(name, "ends", how) };
	const node = (name, body) => async$(function* () { begin(name); let tokens = 0; try { return yield async$(body)() } catch (e) { if (e instanceof W.CancelToken) tokens++; throw e } finally { end(name, tokens) } });
	const leaf = (name, undo) => async$(function* () { begin(name); try { return yield W.refId(name) } catch (e) { if (undo && e instanceof W.CancelToken) { try { yield W.refId(undo) } catch (f) { if (f instanceof W.CancelToken) log("CLEANUP OF", name, "INTERRUPTED") } } throw e } finally { end(name, "done") } })();
	`

// randomBranches is a workflow of random branches.
func randomBranches(r *rand.Rand) string {
	n := 0
	return fmt.Sprintf(`const main = async$(function* () { try { return yield Promise.%s([%s, %s, %s]) } catch (e) { if (e instanceof Error) { log(e.name); if (!(e instanceof W.CancelToken || e instanceof AggregateError)) log(e.stack) } } });`,
		[]string{"race", "race", "all", "any"}[r.Intn(4)], randomBranch(r, 1+r.Intn(3), &n), randomBranch(r, 1+r.Intn(2), &n), randomBranch(r, r.Intn(2), &n))
}

// playRandomBranches answers every pending ref of a random workflow in random order until it ends. It returns the program, the events, and what was
// logged at the start and at each event.
func playRandomBranches(t *testing.T, seed int64) (program string, events, logs []string) {
	r := rand.New(rand.NewSource(seed))
	program = randomPrelude + randomBranches(r)
	h := newHost(t)
	timers := map[string]bool{}
	count := func(out string) {
		var logged []string
		for _, line := range strings.Split(out, "\n") {
			if rest, ok := strings.CutPrefix(line, "workflow-scheduler "); ok {
				key, value, _ := strings.Cut(rest, " = ")
				timers[key] = value != "0"
			} else if !strings.HasPrefix(line, "refs ") && !strings.HasPrefix(line, "workflow-") && line != "ended" {
				logged = append(logged, line)
			}
		}
		logs = append(logs, strings.Join(logged, "; "))
	}
	out := h.run(program)
	count(out)
	for step := 2; !strings.HasSuffix(out, "ended"); step++ {
		refs := strings.Fields(h.eval(`[...rt.thread.refs.keys()].join(" ")`).String())
		if len(refs) == 0 || step > 200 {
			t.Fatalf("seed %d: blocked for ever after %s\n%s\nstate %s", seed, events, program, h.eval(`[...state].join(" ")`))
		}
		ref, value := refs[r.Intn(len(refs))], "1"
		if r.Intn(3) == 0 && !strings.Contains(ref, ":sleep:") {
			value = `!"` + ref + `"`
		}
		delete(timers, `T|{"ref":"`+ref+`"}`)
		events = append(events, ref+" "+value)
		out = h.event(fmt.Sprint(step), ref, value)
		count(out)
		if strings.Contains(out, "INTERRUPTED") || strings.Contains(out, "Error: ") || out == "unmatched" {
			t.Fatalf("seed %d: %s after %s\n%s", seed, out, events, program)
		}
	}
	for key, isSet := range timers {
		if isSet && !h.eval(`rt.thread.refs.has(JSON.parse('`+strings.TrimPrefix(key, "T|")+`').ref)`).ToBoolean() {
			t.Errorf("seed %d: timer %s is still set after %s\n%s", seed, key, events, program)
		}
	}
	if running := h.eval(`[...state].filter(x => x[1] === "running").join(" ")`).String(); running != "" {
		t.Fatalf("seed %d: %s have not ended after %s\n%s", seed, running, events, program)
	}
	return program, events, logs
}

// Whatever is cancelled: when every pending ref has been answered, all calls have ended, once each, no cleanup was interrupted, no timer is
// left, and the thread ends.
func TestRandomBranchesAllEnd(t *testing.T) {
	for seed := range 200 {
		playRandomBranches(t, int64(seed))
	}
}
