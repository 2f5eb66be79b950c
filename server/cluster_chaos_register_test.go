//go:build unix

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	chaosRegisterResume = "chaos-register-resume"
	chaosRegisterOut    = "chaos-register"
	chaosRegisters      = 3
	chaosRegisterUsers  = 5
)

// chaosRegister is a thread that is a variable: it can be read, written, and written if it is what one expects.
const chaosRegister = `
import * as W from "kont";
export const manifest = { outputTopics: ["chaos-register"] };
interface Operation { id: string; kind: "read" | "write" | "swap"; value: number; expected: number }
export default async function main() {
  let state = 0;
  for await (const { id, kind, value, expected } of W.inbox<Operation>("operation")) {
    const isDone = kind === "write" || (kind === "swap" && state === expected);
    if (isDone) state = value;
    W.outputJSON({ id, value: state, isDone }, "chaos-register");
  }
}
`

type registerInput struct {
	Register int    `json:"-"`
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Value    int    `json:"value"`
	Expected int    `json:"expected"`
}

type registerOutput struct {
	ID     string
	Value  int
	IsDone bool
	// isUnknown is of one whose answer nobody has seen.
	isUnknown bool
}

// registerModel is one register: whatever the users saw, there is an order, each operation at one instant between its call and its answer, in which
// a single variable would have given these answers.
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, chaosRegisters)
		for _, operation := range history {
			register := operation.Input.(registerInput).Register
			parts[register] = append(parts[register], operation)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		value, in, out := state.(int), input.(registerInput), output.(registerOutput)
		isDone := in.Kind == "write" || in.Kind == "swap" && value == in.Expected
		if isDone {
			value = in.Value
		}
		return out.isUnknown || out.Value == value && out.IsDone == isDone, value
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// chaosRegisterLoad are users of the registers, each with one operation at a time.
type chaosRegisterLoad struct {
	t         *testing.T
	addresses []string
	began     time.Time
	stop      chan struct{}
	users     sync.WaitGroup
	answering sync.WaitGroup
	ctx       context.Context
	cancel    context.CancelFunc

	mutex sync.Mutex
	// The mutex guards all that follows. answers counts those of each operation.
	waiting map[string]chan registerOutput
	answers map[string]int
	history []porcupine.Operation
}

func newChaosRegisterLoad(t *testing.T, c *chaosCluster) *chaosRegisterLoad {
	c.servers[0].deployOn("register", chaosRegisterResume, compileSource(t, chaosRegister))
	l := &chaosRegisterLoad{
		t: t, addresses: c.kafkaAddresses(), began: time.Now(), stop: make(chan struct{}), waiting: map[string]chan registerOutput{}, answers: map[string]int{},
	}
	l.ctx, l.cancel = context.WithCancel(t.Context())
	t.Cleanup(func() {
		l.cancel()
		l.users.Wait()
		l.answering.Wait()
	})
	return l
}

func (l *chaosRegisterLoad) start() {
	client := newChaosClient(l.t, l.addresses, kgo.ConsumeTopics(chaosRegisterOut), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for register := range chaosRegisters {
		if err := client.ProduceSync(l.ctx, l.event(register, "new:null")).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
	l.answering.Go(func() { l.listen(client) })
	for user := range chaosRegisterUsers {
		random := rand.New(rand.NewPCG(uint64(user), 5))
		l.users.Go(func() { l.use(user, random) })
	}
}

func (l *chaosRegisterLoad) event(register int, value string) *kgo.Record {
	return &kgo.Record{Topic: chaosRegisterResume, Key: fmt.Appendf(nil, "register-%d", register), Value: []byte(value)}
}

func (l *chaosRegisterLoad) listen(client *kgo.Client) {
	for l.ctx.Err() == nil {
		client.PollFetches(l.ctx).EachRecord(func(r *kgo.Record) {
			var output registerOutput
			if err := json.Unmarshal(r.Value, &output); err != nil {
				l.t.Errorf("record %q: %v", r.Value, err)
				return
			}
			l.mutex.Lock()
			defer l.mutex.Unlock()
			l.answers[output.ID]++
			if waiting := l.waiting[output.ID]; waiting != nil {
				waiting <- output
				delete(l.waiting, output.ID)
			}
		})
	}
}

// use is one user. What it is not told the outcome of may happen at any time from the call on.
func (l *chaosRegisterLoad) use(user int, random *rand.Rand) {
	client := newChaosClient(l.t, l.addresses)
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return
		case <-time.After(time.Duration(random.IntN(20)) * time.Millisecond): // the load, not a wait
		}
		input := registerInput{
			Register: random.IntN(chaosRegisters), ID: fmt.Sprintf("%d-%d", user, i), Kind: []string{"read", "write", "swap"}[random.IntN(3)], Value: random.IntN(4), Expected: random.IntN(4),
		}
		encoded, err := json.Marshal(input)
		if err != nil {
			l.t.Error(err)
			return
		}
		answer := make(chan registerOutput, 1)
		l.mutex.Lock()
		l.waiting[input.ID] = answer
		l.mutex.Unlock()
		operation := porcupine.Operation{ClientId: user, Input: input, Call: int64(time.Since(l.began)), Output: registerOutput{isUnknown: true}, Return: 1 << 62}
		err = client.ProduceSync(l.ctx, l.event(input.Register, fmt.Sprintf(`{"ref":"operation","value":%s}`, encoded))).FirstErr()
		if err == nil {
			select {
			case output := <-answer:
				operation.Output, operation.Return = output, int64(time.Since(l.began))
			case <-time.After(chaosPatience):
				l.t.Errorf("operation %s was acknowledged and not answered in %v", input.ID, chaosPatience)
			case <-l.ctx.Done():
			}
		}
		l.mutex.Lock()
		l.history = append(l.history, operation)
		l.mutex.Unlock()
		if l.ctx.Err() != nil {
			return
		}
	}
}

func (l *chaosRegisterLoad) finish() {
	close(l.stop)
	l.users.Wait()
	l.cancel()
	l.answering.Wait()
}

func (l *chaosRegisterLoad) check(string) (counts chaosCounts) {
	l.t.Helper()
	complaints := &chaosComplaints{t: l.t}
	for _, operation := range l.history {
		if output := operation.Output.(registerOutput); !output.isUnknown || l.answers[operation.Input.(registerInput).ID] > 0 {
			counts.add(l.answers[operation.Input.(registerInput).ID])
		}
	}
	for id, n := range l.answers {
		if n != 1 {
			complaints.errorf("operation %s on a register was answered %d times", id, n)
		}
	}
	if len(l.history) == 0 {
		l.t.Error("no register was used")
	}
	result, info := porcupine.CheckOperationsVerbose(registerModel, l.history, 2*time.Minute)
	if result == porcupine.Ok {
		return counts
	}
	path := filepath.Join(os.TempDir(), fmt.Sprintf("kont-chaos-register-%d.html", os.Getpid()))
	if err := porcupine.VisualizePath(registerModel, info, path); err != nil {
		l.t.Error(err)
	}
	l.t.Errorf("the history of %d operations on registers is not linearizable (%s); see %s", len(l.history), strings.ToLower(string(result)), path)
	return counts
}

func (l *chaosRegisterLoad) String() string {
	return fmt.Sprintf("%d operations on registers", len(l.history))
}

// The check would notice: an answer that is older than one that was there before the call, and a write that happened twice.
func TestRegisterModelSeesStaleReadsAndRepeatedWrites(t *testing.T) {
	write := func(call, back int64, value int) porcupine.Operation {
		return porcupine.Operation{Input: registerInput{Kind: "write", Value: value}, Call: call, Output: registerOutput{Value: value, IsDone: true}, Return: back}
	}
	read := func(call, back int64, value int) porcupine.Operation {
		return porcupine.Operation{Input: registerInput{Kind: "read"}, Call: call, Output: registerOutput{Value: value}, Return: back}
	}
	unknown := write(0, 1<<62, 3)
	unknown.Output = registerOutput{isUnknown: true}
	for name, test := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"in order":                      {[]porcupine.Operation{write(0, 1, 1), read(2, 3, 1)}, true},
		"a read while it is written":    {[]porcupine.Operation{write(0, 5, 1), read(2, 3, 0), read(4, 6, 1)}, true},
		"a stale read":                  {[]porcupine.Operation{write(0, 1, 1), read(2, 3, 0)}, false},
		"a write of unknown outcome":    {[]porcupine.Operation{unknown, write(1, 2, 1), read(3, 4, 1), read(5, 6, 3)}, true},
		"a write that is applied twice": {[]porcupine.Operation{write(0, 1, 1), write(2, 3, 2), read(4, 5, 1), read(6, 7, 2)}, false},
	} {
		if got := porcupine.CheckOperations(registerModel, test.history); got != test.want {
			t.Errorf("%s: linearizable %v, want %v", name, got, test.want)
		}
	}
}
