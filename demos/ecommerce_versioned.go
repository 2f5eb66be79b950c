package demos

import (
	"context"
	"strings"
)

var ecommerceVersioned = Demo{
	Name:        "ecommerce-versioned",
	About:       "carts move to a newer version and keep their items, on the helpers of the other versioned demos",
	Files:       files,
	Entry:       "ecommerce-versioned/v1.0.ts",
	ResumeTopic: "shop",
	Play: func(ctx context.Context, s Stage) error {
		shop := versionedApp{s, "shop"}
		for _, part := range []func(context.Context, versionedApp) error{cartsMove, cartsStay} {
			if err := part(ctx, shop); err != nil {
				return err
			}
		}
		return nil
	},
	Next: []string{
		"less demos/ecommerce-versioned/README.md     # shop by hand",
		"less demos/versioning/README.md              # how it works",
	},
}

// request sends a request to a cart.
func (a versionedApp) request(ctx context.Context, thread, request string) error {
	return a.send(ctx, thread, "cart", request)
}

// shows waits until a cart has shown text.
func (a versionedApp) shows(ctx context.Context, thread, text string) error {
	_, err := a.Await(ctx, "carts", thread, func(value string) bool { return strings.Contains(value, text) })
	return err
}

func cartsMove(ctx context.Context, a versionedApp) error {
	return inOrder(
		func() error {
			return a.begin(ctx, "Two carts of version 1.0, which has a list of items. Both are given up after three seconds without a request.", `,"releaseAfter":1000`)
		},
		func() error { return a.start(ctx, "ann", "1.0.0", `{"email":"ann@example.com","idleAfter":3000}`) },
		func() error { return a.request(ctx, "ann", `{"action":"add","item":"tea"}`) },
		func() error { return a.request(ctx, "ann", `{"action":"add","item":"tea"}`) },
		func() error { return a.start(ctx, "ben", "1.0.0", `{"email":"ben@example.com","idleAfter":3000}`) },
		func() error { return a.request(ctx, "ben", `{"action":"add","item":"umbrella"}`) },
		func() error { return a.shows(ctx, "ann", `["tea","tea"]`) },
		func() error { return a.shows(ctx, "ben", `["umbrella"]`) },
		func() error { return a.Deploy(ctx, "ecommerce-versioned/v1.1.ts", a.topic) },
		func() error {
			a.Say("1.1 counts items, and reminds before it gives up. The carts hand their lists over, and 1.1 counts them. Ann's next request is one that 1.0 did not know.")
			return a.deployed(ctx, "1.1.0", "")
		},
		func() error { return a.awaitNews(ctx, "started", "ann", "1.1.0") },
		func() error { return a.request(ctx, "ann", `{"action":"add","item":"tea","quantity":10}`) },
		func() error { return a.shows(ctx, "ann", `{"tea":12}`) },
		func() error { return a.Crash(ctx) },
		func() error {
			a.Say("Ann checks out. Ben does nothing: the timer that 1.0 has set fires, and he is reminded by 1.1, and later his cart is given up.")
			return a.request(ctx, "ann", `{"action":"checkout"}`)
		},
		func() error { _, err := a.Await(ctx, resultTopic, "ann", nil); return err },
		func() error { _, err := a.Await(ctx, "emails", "ben", nil); return err },
	)
}

func cartsStay(ctx context.Context, a versionedApp) error {
	return inOrder(
		func() error { return a.Deploy(ctx, "ecommerce-versioned/v2.0.ts", a.topic) },
		func() error {
			a.Say("2.0 knows prices. Ben's cart has none, so it stays; Cem's is new.")
			return a.deployed(ctx, "2.0.0", "")
		},
		func() error { return a.start(ctx, "cem", "2.0.0", `{"email":"cem@example.com"}`) },
		func() error { return a.request(ctx, "cem", `{"action":"add","item":"tea","price":4}`) },
		func() error { return a.request(ctx, "cem", `{"action":"checkout"}`) },
		func() error {
			ref, err := awaitRef(ctx, a.Stage, "payments", "cem")
			if err != nil {
				return err
			}
			return a.send(ctx, "cem", ref, `"receipt 1"`)
		},
		func() error { _, err := a.Await(ctx, resultTopic, "cem", nil); return err },
		func() error { _, err := a.Await(ctx, resultTopic, "ben", nil); return err },
		func() error {
			a.Say("Nobody shops on 1.x any more: it is released.")
			return a.cleanUp(ctx, "1.0.0")
		},
		func() error { return a.cleanUp(ctx, "1.1.0") },
	)
}
