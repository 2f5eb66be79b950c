package demos

import "testing"

func TestMinimalAsksAndReturnsTheAnswer(t *testing.T) {
	w := newWorld(t, minimal)
	w.event("ann", `new:{"name":"Ann"}`)
	w.want("start", `questions ann {"text":"What do you like, Ann?","ref":"1:answer:1"}`)
	w.event("ann", `{"ref":"1:other:1","value":0}`)
	w.event("ann", `{"ref":"1:answer:1","value":"trains"}`)
	w.want("answer", `workflow-result ann "Ann likes trains"`)
	w.event("ann", `{"ref":"1:answer:1","value":"again"}`)
	if w.want("late answer"); len(w.unmatched) != 2 {
		t.Errorf("unmatched %q", w.unmatched)
	}
}

func TestMinimalMayBeRefused(t *testing.T) {
	w := newWorld(t, minimal)
	w.event("ann", `new:{"name":"Ann"}`)
	w.take()
	w.event("ann", `{"ref":"1:answer:1","error":"none of your business"}`)
	w.want("refusal", `workflow-error ann "none of your business"`)
}
