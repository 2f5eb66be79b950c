package demos

import (
	"context"
	"encoding/json"
)

var expenseApproval = Demo{
	Name:  "expense-approval",
	About: "people who decide, are reminded, and are passed over when they stay silent",
	Files: folder("expense-approval"),
	Entry: "index.ts",
	Play: func(ctx context.Context, s Stage) error {
		return inOrder(
			func() error { return expenseThatIsApproved(ctx, s) },
			func() error { return expenseThatIsEscalated(ctx, s) },
			func() error { return expenseThatExpires(ctx, s) },
		)
	},
	Next: []string{
		"kont dev demos/expense-approval/index.ts   # a node of your own with this workflow",
		"less demos/expense-approval/README.md      # decide by hand",
	},
}

func expenseThatIsApproved(ctx context.Context, s Stage) error {
	taxi := approval{actor{Stage: s, thread: "taxi", topic: "approvals"}}
	s.Say("Ann has paid for a taxi. Her lead is asked, and approves. Without an answer there would be a reminder a day later.")
	return inOrder(
		func() error {
			return taxi.start(ctx, `{"employee":"Ann","purpose":"taxi","amount":30,"approvers":["lead"]}`)
		},
		func() error { return taxi.decide(ctx, "lead", `{"approved":true}`) },
		func() error { _, err := s.Await(ctx, resultTopic, "taxi", nil); return err },
	)
}

func expenseThatIsEscalated(ctx context.Context, s Stage) error {
	laptop := approval{actor{Stage: s, thread: "laptop", topic: "approvals"}}
	s.Say("Ben needs a laptop. His lead is on holiday: reminded after a second, passed over after another. Then it is the head's turn.")
	var late string
	return inOrder(
		func() error {
			return laptop.start(ctx, `{"employee":"Ben","purpose":"laptop","amount":2000,"approvers":["lead","head"],"reminders":1,"interval":1000}`)
		},
		func() (err error) { late, err = laptop.await(ctx, "decide", "lead"); return err },
		func() error { _, err := laptop.await(ctx, "withdraw", "lead"); return err },
		func() error {
			s.Say("The lead is back and approves, too late: nobody waits for that ref any more. The head decides.")
			return laptop.reply(ctx, late, `{"approved":true}`)
		},
		func() error {
			return laptop.decide(ctx, "head", `{"approved":false,"comment":"a desktop will do"}`)
		},
		func() error { _, err := s.Await(ctx, resultTopic, "laptop", nil); return err },
	)
}

func expenseThatExpires(ctx context.Context, s Stage) error {
	party := approval{actor{Stage: s, thread: "party", topic: "approvals"}}
	s.Say("Cem would like a party. Two reminders go out, half a second apart, and nobody ever answers.")
	return inOrder(
		func() error {
			return party.start(ctx, `{"employee":"Cem","purpose":"party","amount":900,"approvers":["lead"],"interval":500}`)
		},
		func() error { _, err := s.Await(ctx, resultTopic, "party", nil); return err },
	)
}

type approval struct{ actor }

// await waits for a notice to an approver and gives its ref.
func (a approval) await(ctx context.Context, action, approver string) (ref string, err error) {
	_, err = a.Await(ctx, a.topic, a.thread, func(value string) bool {
		var notice struct{ Action, Approver, Ref string }
		if json.Unmarshal([]byte(value), &notice) != nil || notice.Action != action || notice.Approver != approver {
			return false
		}
		ref = notice.Ref
		return true
	})
	return ref, err
}

// decide answers the request to an approver.
func (a approval) decide(ctx context.Context, approver, decision string) error {
	ref, err := a.await(ctx, "decide", approver)
	if err != nil {
		return err
	}
	return a.reply(ctx, ref, decision)
}
