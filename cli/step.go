package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

func stepCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "step", Category: categoryAuthor, ArgsUsage: "APP",
		Usage: "run steps for another host: JSON lines in, JSON lines out; needs no server",
		Description: "Each line {\"event\", \"state\", \"thread\", \"step\"} is answered with\n" +
			"{\"state\", \"outputs\": [{\"topic\", \"key\", \"value\"}]} or {\"error\"}. An empty state starts a\n" +
			"thread with the event as its argument, and an empty answered one says that it has\n" +
			"ended. {\"topics\": true} is answered with the output topics. What the workflow writes to\n" +
			"its console goes to standard error.",
		Flags: []urfave.Flag{outputFlag()},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			app, err := loadWorkflow(c.Context, p, c.Args().First())
			if err != nil {
				return err
			}
			steps := newStepper(app, p.Err)
			defer steps.Close()
			return serveSteps(c.Context, p, app, steps)
		},
	}
}

// stepper runs one step without any host; a pool of jsvm is the real one.
type stepper interface {
	// step takes the state before, nil for a start, and returns the one after, nil
	// for a thread that has ended.
	step(ctx context.Context, thread string, stepID uint64, state, event []byte) (after []byte, outputs []stepOutput, err error)
	Close()
}

type stepRequest struct {
	Event  string `json:"event"`
	State  string `json:"state"`
	Thread string `json:"thread"`
	Step   string `json:"step"`
	Topics bool   `json:"topics"`
}

type stepAnswer struct {
	State   string       `json:"state"`
	Outputs []stepOutput `json:"outputs"`
}

type stepOutput struct {
	Topic string `json:"topic"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// stepLineBytesMax bounds a request: a state of 8 MiB in base64, an event, and
// some air.
const stepLineBytesMax = 64 << 20

// serveSteps answers line by line until the input ends. A request that can't be
// run is answered with its error; only broken pipes end the loop.
func serveSteps(ctx context.Context, p Process, app workflow, steps stepper) error {
	lines := bufio.NewScanner(p.In)
	lines.Buffer(nil, stepLineBytesMax)
	out := bufio.NewWriter(p.Out)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	count := uint64(0)
	for lines.Scan() && ctx.Err() == nil {
		if len(lines.Bytes()) == 0 {
			continue
		}
		count++
		answer, err := answerStep(ctx, lines.Bytes(), count, app, steps)
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := encoder.Encode(answer); err != nil {
			return fmt.Errorf("answer step %d: %w", count, err)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("answer step %d: %w", count, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read step %d: %w", count+1, err)
	}
	return ctx.Err()
}

// answerStep runs one request. count stands in for a step id that the host does
// not give.
func answerStep(ctx context.Context, line []byte, count uint64, app workflow, steps stepper) (any, error) {
	var request stepRequest
	if err := json.Unmarshal(line, &request); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) { // its own text names types of this program
			return nil, fmt.Errorf("request %d is no JSON object of this protocol: %s is a JSON %s", count, cmp.Or(mistyped.Field, "it"), mistyped.Value)
		}
		return nil, fmt.Errorf("request %d is no JSON object of this protocol: %w", count, err)
	}
	if request.Topics {
		// Those of the protocol are written to without being declared: a host has to
		// have them.
		topics := append([]string{api.TopicError, api.TopicResult, api.TopicScheduler}, app.topics...)
		slices.Sort(topics)
		topics = slices.Compact(topics)
		return map[string][]string{"topics": topics}, nil
	}
	stepID := count
	if request.Step != "" {
		var err error
		if stepID, err = strconv.ParseUint(request.Step, 10, 64); err != nil {
			return nil, fmt.Errorf("step %q is no whole number", request.Step)
		}
	}
	state, err := base64.StdEncoding.DecodeString(request.State)
	if err != nil {
		return nil, fmt.Errorf("state of thread %s: %w", request.Thread, err)
	}
	if len(state) == 0 {
		state = nil
	}
	after, outputs, err := steps.step(ctx, request.Thread, stepID, state, []byte(request.Event))
	if err != nil {
		return nil, err
	}
	if outputs == nil {
		outputs = []stepOutput{}
	}
	return stepAnswer{State: base64.StdEncoding.EncodeToString(after), Outputs: outputs}, nil
}
