package demos

import (
	"context"
	"encoding/json"
	"fmt"
)

var ecommerce = Demo{
	Name:  "ecommerce",
	About: "a cart that is asked for things, reminds its customer, and gives up in the end",
	Files: folder("ecommerce"),
	Entry: "index.ts",
	Play: func(ctx context.Context, s Stage) error {
		return inOrder(
			func() error { return cartThatIsOrdered(ctx, s) },
			func() error { return cartThatIsAbandoned(ctx, s) },
		)
	},
	Next: []string{
		"kont dev demos/ecommerce/index.ts   # a node of your own with this workflow",
		"less demos/ecommerce/README.md      # shop by hand",
	},
}

func cartThatIsOrdered(ctx context.Context, s Stage) error {
	ann := shopper{actor{Stage: s, thread: "ann", topic: "carts"}, new(int)}
	s.Say("Ann's cart. Each request is a record for the ref \"cart\", and a record on carts answers it. A timer runs while she thinks, and is set again when she acts.")
	return inOrder(
		func() error { return ann.start(ctx, `{"remindAfter":60000,"abandonAfter":60000}`) },
		func() error { return ann.ask(ctx, `"action":"add","item":"socks","quantity":2`) },
		func() error { return ann.ask(ctx, `"action":"add","item":"hat"`) },
		func() error { return ann.ask(ctx, `"action":"remove","item":"socks"`) },
		func() error {
			s.Say("She checks out. The cart refuses, since it has no address, and goes on.")
			return ann.ask(ctx, `"action":"checkout"`)
		},
		func() error { return ann.ask(ctx, `"action":"email","email":"ann@example.com"`) },
		func() error { return ann.ask(ctx, `"action":"checkout"`) },
		func() error { _, err := s.Await(ctx, resultTopic, "ann", nil); return err },
	)
}

func cartThatIsAbandoned(ctx context.Context, s Stage) error {
	ben := shopper{actor{Stage: s, thread: "ben", topic: "carts"}, new(int)}
	s.Say("Ben's cart reminds him after a second, and is given up two seconds later. He leaves after one request.")
	reminders := 0
	reminded := func() error {
		reminders++
		seen := 0
		_, err := s.Await(ctx, "emails", "ben", func(string) bool { seen++; return seen == reminders })
		return err
	}
	return inOrder(
		func() error {
			return ben.start(ctx, `{"email":"ben@example.com","remindAfter":1000,"abandonAfter":2000}`)
		},
		func() error { return ben.ask(ctx, `"action":"add","item":"umbrella"`) },
		reminded,
		func() error {
			s.Say("The reminder brings him back, for one look: that starts the wait anew. Then he is gone.")
			return ben.ask(ctx, `"action":"query"`)
		},
		reminded,
		func() error { _, err := s.Await(ctx, resultTopic, "ben", nil); return err },
	)
}

// shopper numbers the requests of a cart, so that it knows which answer is whose.
type shopper struct {
	actor
	asked *int
}

// ask sends a request, the fields of a JSON object, and waits for its answer.
func (s shopper) ask(ctx context.Context, request string) error {
	*s.asked++
	id := fmt.Sprint(*s.asked)
	if err := s.reply(ctx, "cart", fmt.Sprintf(`{"id":%q,%s}`, id, request)); err != nil {
		return err
	}
	_, err := s.Await(ctx, s.topic, s.thread, func(value string) bool {
		var answer struct {
			ID string `json:"id"`
		}
		return json.Unmarshal([]byte(value), &answer) == nil && answer.ID == id
	})
	return err
}
