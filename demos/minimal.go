package demos

import (
	"context"
	"encoding/json"
)

var minimal = Demo{
	Name:  "minimal",
	About: "one question, one answer",
	Files: folder("minimal"),
	Entry: "index.ts",
	Play: func(ctx context.Context, s Stage) error {
		ann := actor{s, "ann", "questions"}
		s.Say("A record on workflow-resume starts the thread \"ann\". It asks, and waits: nothing of it is left in memory that is not on disk.")
		if err := ann.start(ctx, `{"name":"Ann"}`); err != nil {
			return err
		}
		question, err := s.Await(ctx, "questions", "ann", nil)
		if err != nil {
			return err
		}
		var asked struct {
			Ref string `json:"ref"`
		}
		if err := json.Unmarshal([]byte(question), &asked); err != nil {
			return err
		}
		s.Say("The question names a ref. Whoever knows it can answer, in a second or in a year.")
		if err := ann.reply(ctx, asked.Ref, `"trains"`); err != nil {
			return err
		}
		_, err = s.Await(ctx, resultTopic, "ann", nil)
		return err
	},
	Next: []string{
		"kont dev demos/minimal/index.ts      # a node of your own with this workflow",
		"kont demo trip-booking-saga          # failures, timeouts and compensation",
	},
}
