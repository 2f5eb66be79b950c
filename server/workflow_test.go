package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/jsvm"
	"kont/server/api"
	"kont/statemachine/command"
)

// realConfig is testConfig with jsvm.
func realConfig(dir string) Config {
	c := testConfig(dir)
	c.Engine = nil
	return c
}

// deploySource compiles and deploys a workflow.
func deploySource(t testing.TB, n *Node, source string) api.Deployment {
	t.Helper()
	bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(source)}}})
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := n.Deploy(testContext(t), api.DeployRequest{App: "app", ResumeTopic: command.TopicResume, Bundle: bundle.Encode()})
	if err != nil {
		t.Fatal(err)
	}
	return deployment
}

const questionWorkflow = `
import * as W from "kont";
export const manifest = { outputTopics: ["questions"] };
async function ask(what: string): Promise<string> {
  const answer = W.ref<string>("answer");
  W.outputJSON({ what, ref: answer.id }, "questions");
  return await answer;
}
export default async function main(event: { name: string }) {
  const color = await ask("color");
  await W.sleep(20);
  try {
    await ask("size");
  } catch (e) {
    return event.name + " likes " + color + ", not " + JSON.stringify(e);
  }
}
`

type question struct{ What, Ref string }

func questionOf(t testing.TB, record *kgo.Record) question {
	t.Helper()
	var q question
	if err := json.Unmarshal(record.Value, &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// A workflow in TypeScript is started, resumed with a value and with an error by a
// real client, with a restart and a timer in between.
func TestWorkflowAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, realConfig(dir))
	deployment := deploySource(t, n, questionWorkflow)
	if len(deployment.OutputTopics) != 1 || deployment.OutputTopics[0] != "questions" {
		t.Errorf("deployment %+v", deployment)
	}
	produce(t, newClient(t, n), command.TopicResume, "k", `new:{"name":"Ada"}`)
	color := questionOf(t, consume(t, n, "questions", 1)[0])
	if color.What != "color" {
		t.Fatalf("question %+v", color)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	n = startNode(t, realConfig(dir))
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "k", `{"ref":"`+color.Ref+`","value":"green"}`)
	size := questionOf(t, consume(t, n, "questions", 2)[1])
	if size.What != "size" || size.Ref == color.Ref {
		t.Fatalf("question %+v after %+v", size, color)
	}
	produce(t, client, command.TopicResume, "k", `{"ref":"`+color.Ref+`","value":"late"}`)
	produce(t, client, command.TopicResume, "k", `{"ref":"`+size.Ref+`","error":{"too":"big"}}`)
	result := consume(t, n, command.TopicResult, 1)[0]
	if got := string(result.Value); got != `"Ada likes green, not {\"too\":\"big\"}"` {
		t.Errorf("result %s", got)
	}
	history, err := n.History(t.Context(), command.TopicResume, "k", 10)
	if err != nil {
		t.Fatal(err)
	}
	unmatched := 0
	for _, entry := range history {
		if entry.Outcome == "unmatched" {
			unmatched++
		}
	}
	if unmatched != 1 {
		t.Errorf("%d unmatched events in %+v, want the late answer", unmatched, history)
	}
}

// An application on a resume topic of its own has its own threads and timers.
func TestApplicationsShareANode(t *testing.T) {
	n := startNode(t, realConfig(t.TempDir()))
	const source = `
import * as W from "kont";
export default async function main(depth: number) {
  if (depth > 0) W.ensureThread(depth - 1, W.threadId + "+");
  await W.sleep(5);
  return "%s " + depth;
}
`
	client := newClient(t, n)
	for _, topic := range []string{command.TopicResume, "orders"} {
		bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: fmt.Appendf(nil, source, topic)}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Deploy(testContext(t), api.DeployRequest{App: topic, ResumeTopic: topic, Bundle: bundle.Encode()}); err != nil {
			t.Fatal(err)
		}
		produce(t, client, topic, "k", "new:1")
	}
	var results []string
	for _, record := range consume(t, n, command.TopicResult, 4) {
		results = append(results, string(record.Key)+" "+string(record.Value))
	}
	slices.Sort(results)
	want := []string{`k "orders 1"`, `k "workflow-resume 1"`, `k+ "orders 0"`, `k+ "workflow-resume 0"`}
	if !slices.Equal(results, want) {
		t.Errorf("results %q", results)
	}
}

func TestInspectionShowsTheAwaitAndItsLocals(t *testing.T) {
	n := startNode(t, realConfig(t.TempDir()))
	deploySource(t, n, questionWorkflow)
	produce(t, newClient(t, n), command.TopicResume, "k", `new:{"name":"Ada"}`)
	consume(t, n, "questions", 1)
	thread, err := n.Thread(t.Context(), command.TopicResume, "k")
	if err != nil {
		t.Fatal(err)
	}
	if thread.WaitsError != "" || len(thread.Waits) != 1 {
		t.Fatalf("thread %+v", thread)
	}
	if waits := thread.Waits[0].Stack[0].Refs; len(thread.Refs) != 1 || !slices.Equal(waits, thread.Refs) {
		t.Errorf("waits for %q, pending are %q", waits, thread.Refs)
	}
	stack := thread.Waits[0].Stack
	if len(stack) != 2 || stack[0].Function != "ask" || stack[1].Function != "main" {
		t.Fatalf("stack %+v", stack)
	}
	if stack[0].Line != 7 || stack[0].Source != "return await answer;" {
		t.Errorf("await at %+v", stack[0])
	}
	if stack[1].Line != 10 || !strings.Contains(stack[1].Source, `await ask("color")`) {
		t.Errorf("await at %+v", stack[1])
	}
}

// What goes wrong in a workflow stays with its thread. On a machine where one of the
// other steps does not end in the time limit of the endless one, all get more time.
func TestFaultsOfWorkflowsStayWithTheirThreads(t *testing.T) {
	for limit := 200 * time.Millisecond; ; limit *= 4 {
		threads, n := runFaults(t, limit)
		isSlow := false
		for key, thread := range threads {
			isSlow = isSlow || key != "loop" && strings.Contains(thread.Fault, limit.String())
		}
		if isSlow && limit < time.Minute {
			continue
		}
		for key, want := range map[string]string{"loop": limit.String(), "topic": "nowhere"} {
			if thread := threads[key]; thread.Status != api.StatusFaulted || !strings.Contains(thread.Fault, want) {
				t.Errorf("%s: status %s, fault %q, want %q in it", key, thread.Status, thread.Fault, want)
			}
		}
		if result := consume(t, n, command.TopicResult, 1)[0]; string(result.Value) != `"fine"` {
			t.Errorf("result %s", result.Value)
		}
		if failed := consume(t, n, command.TopicError, 1)[0]; string(failed.Value) != `"Error: no"` {
			t.Errorf("error %s", failed.Value)
		}
		return
	}
}

// runFaults runs four threads, of which one is fine, and gives what they were when
// they had ended or were faulted.
func runFaults(t *testing.T, limit time.Duration) (map[string]api.Thread, *Node) {
	t.Helper()
	c := realConfig(t.TempDir())
	c.StepTimeout = limit
	n := startNode(t, c)
	deploySource(t, n, `
import * as W from "kont";
export default async function main(what: string) {
  if (what === "loop") for (;;);
  if (what === "topic") W.output("x", "nowhere");
  if (what === "throw") throw new Error("no");
  return what;
}
`)
	client := newClient(t, n)
	threads := map[string]api.Thread{}
	for _, key := range []string{"loop", "topic", "throw", "fine"} {
		produce(t, client, command.TopicResume, key, `new:"`+key+`"`)
	}
	for _, key := range []string{"loop", "topic", "throw", "fine"} {
		waitFor(t, key+" to end", func() bool {
			thread, err := n.Thread(t.Context(), command.TopicResume, key)
			if err != nil && !errors.Is(err, command.ErrUnknownThread) {
				t.Fatal(err)
			}
			threads[key] = thread
			return thread.Status == api.StatusFaulted || thread.Status == api.StatusEnded
		})
	}
	return threads, n
}

func TestDeployRefusesWhatIsNoBundle(t *testing.T) {
	n := startNode(t, realConfig(t.TempDir()))
	_, err := n.Deploy(t.Context(), api.DeployRequest{App: "x", ResumeTopic: command.TopicResume, Bundle: []byte("no bundle")})
	var refusal *api.Error
	if !errors.As(err, &refusal) || refusal.Code != "invalid_bundle" {
		t.Errorf("error %v", err)
	}
}
