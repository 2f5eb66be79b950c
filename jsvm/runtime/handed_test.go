package runtime

import "testing"

// A promise that is handed to the function that races it belongs to the branch, whoever made it.
func TestRaceCancelsWhatWasHandedToItsCaller(t *testing.T) {
	const withTimeout = call + `const withTimeout = async$(function* (p) { return yield Promise.race([p, W.refId("t").then(() => { throw "timeout" })]) });
		const main = async$(function* () { `
	for name, argument := range map[string]string{"call": `call("a")`, "ref": `W.refId("a")`, "chain": `call("a").then((v) => v)`} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.want(h.run(withTimeout+`try { yield withTimeout(`+argument+`) } catch (e) { log("caught", e) } yield W.refId("end") })`), "refs a t")
			want := []string{"a CancelToken", "a done", "caught timeout", "refs end"}
			if name == "ref" {
				want = want[2:]
			}
			h.want(h.event("2", "t", "1"), want...)
			h.want(h.event("3", "a", "1"), "unmatched")
		})
	}
	t.Run("shared", func(t *testing.T) {
		h := newHost(t)
		h.want(h.run(withTimeout+`const shared = call("a"); const other = async$(function* () { log("other got", yield shared) })();
			try { yield withTimeout(shared) } catch (e) { log("caught", e) } yield other })`), "refs a t")
		h.want(h.event("2", "t", "1"), "caught timeout", "refs a")
		h.want(h.event("3", "a", "5"), "a got 5", "a done", "other got 5", "ended")
	})
	t.Run("of another branch", func(t *testing.T) {
		h := newHost(t)
		h.want(h.run(withTimeout+`const shared = call("a"); const use = async$(function* () { try { yield withTimeout(shared) } catch (e) { log("caught", e) } });
			yield Promise.all([use()]); log(yield shared) })`), "refs a t")
		h.want(h.event("2", "t", "1"), "caught timeout", "refs a")
		h.want(h.event("3", "a", "5"), "a got 5", "a done", "5", "ended")
	})
}
