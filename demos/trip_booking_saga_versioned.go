package demos

import "context"

var tripBookingSagaVersioned = Demo{
	Name:        "trip-booking-saga-versioned",
	About:       "sagas under way move to a newer version, with their requests and timers; or end on the old one",
	Files:       files,
	Entry:       "trip-booking-saga-versioned/v1.0.ts",
	ResumeTopic: "trips",
	Play: func(ctx context.Context, s Stage) error {
		trips := versionedApp{s, "trips"}
		for _, part := range []func(context.Context, versionedApp) error{tripsBegin, tripsMoveToMinor, tripsKeepPatch, tripsStayOffMajor, tripsAreReleased} {
			if err := part(ctx, trips); err != nil {
				return err
			}
		}
		return nil
	},
	Next: []string{
		"kont demo ecommerce-versioned                           # carts that keep their items",
		"less demos/trip-booking-saga-versioned/README.md        # play the services by hand",
	},
}

// trip is a thread of the application, and the topic of its requests.
func (a versionedApp) trip(thread string) actor {
	return actor{onTopic(a), thread, tripTopic}
}

// answerAll waits for requests to reserve and grants them, in order.
func answerAll(ctx context.Context, trip actor, kinds ...string) error {
	for _, kind := range kinds {
		if err := trip.answer(ctx, "reserve", kind, `{"id":"`+kind+` of `+trip.thread+`","price":100}`); err != nil {
			return err
		}
	}
	return nil
}

// ended waits for the result of a thread.
func ended(ctx context.Context, a actor) error {
	_, err := a.Await(ctx, resultTopic, a.thread, nil)
	return err
}

func tripsBegin(ctx context.Context, a versionedApp) error {
	return inOrder(
		func() error {
			return a.begin(ctx, "Two trips start on version 1.0. The car of Rome is reserved; Oslo is refused a flight, and waits for its hotel to be cancelled.", `,"releaseAfter":1500`)
		},
		func() error { return a.start(ctx, "rome", "1.0.0", `{"customer":"Ann","city":"Rome"}`) },
		func() error { return answerAll(ctx, a.trip("rome"), "car") },
		func() error { return a.start(ctx, "oslo", "1.0.0", `{"customer":"Ben","city":"Oslo"}`) },
		func() error { return answerAll(ctx, a.trip("oslo"), "hotel") },
		func() error {
			flight, err := a.trip("oslo").awaitRequest(ctx, "reserve", "flight")
			if err != nil {
				return err
			}
			return a.trip("oslo").refuse(ctx, flight, `"sold out"`)
		},
		func() error { _, err := a.trip("oslo").awaitRequest(ctx, "cancel", "hotel"); return err },
	)
}

func tripsMoveToMinor(ctx context.Context, a versionedApp) error {
	rome, oslo := a.trip("rome"), a.trip("oslo")
	return inOrder(
		func() error { return a.Deploy(ctx, "trip-booking-saga-versioned/v1.1.ts", a.topic) },
		func() error {
			a.Say("Version 1.1 books an insurance too. The manager tells both trips to hand off: Rome does, and asks for its insurance; Oslo is being undone, and ends on 1.0.")
			return a.deployed(ctx, "1.1.0", "")
		},
		func() error { return a.awaitNews(ctx, "refused", "oslo", "1.0.0") },
		func() error { return a.awaitNews(ctx, "started", "rome", "1.1.0") },
		func() error { return a.Crash(ctx) },
		func() error { return oslo.answer(ctx, "cancel", "hotel", `"cancelled"`) },
		func() error { _, err := a.Await(ctx, errorTopic, "oslo", nil); return err },
		func() error {
			a.Say("The services answer the requests that 1.0 has made. The answers find their way: they name the same thread and the same refs as before.")
			return answerAll(ctx, rome, "hotel", "flight")
		},
	)
}

func tripsKeepPatch(ctx context.Context, a versionedApp) error {
	rome, lima := a.trip("rome"), a.trip("lima")
	return inOrder(
		func() error { return a.Deploy(ctx, "trip-booking-saga-versioned/v1.1.1.ts", a.topic) },
		func() error {
			a.Say("1.1.1 is a patch: the total of 1.1.0 forgets the insurance. Lima starts on it. Rome stays on 1.1.0, since nobody has asked for more, and shows the old total.")
			return a.deployed(ctx, "1.1.1", "")
		},
		func() error { return a.start(ctx, "lima", "1.1.0", `{"customer":"Cem","city":"Lima"}`) },
		func() error { return answerAll(ctx, lima, "car", "hotel", "flight", "insurance") },
		func() error { return ended(ctx, lima) },
		func() error { return answerAll(ctx, rome, "insurance") },
		func() error { return ended(ctx, rome) },
	)
}

func tripsStayOffMajor(ctx context.Context, a versionedApp) error {
	kyiv, tour := a.trip("kyiv"), a.trip("tour")
	return inOrder(
		func() error { return a.start(ctx, "kyiv", "1.1.0", `{"customer":"Dana","city":"Kyiv"}`) },
		func() error { return a.awaitNews(ctx, "started", "kyiv", "1.1.1") },
		func() error { return a.Deploy(ctx, "trip-booking-saga-versioned/v2.0.ts", a.topic) },
		func() error {
			a.Say("2.0 books tours. A trip of 1.x means nothing to it: Kyiv is not asked to move, and somebody who asks it nonetheless is refused. A start for 1.1 gets an error record.")
			return a.deployed(ctx, "2.0.0", "")
		},
		func() error { return a.send(ctx, "kyiv", "hand-off", `{"to":"2.0.0"}`) },
		func() error { return a.awaitNews(ctx, "refused", "kyiv", "1.1.1") },
		func() error { return a.start(ctx, "late", "1.1.0", `{"customer":"Eve","city":"Paris"}`) },
		func() error { _, err := a.Await(ctx, errorTopic, "late", nil); return err },
		func() error { return a.start(ctx, "tour", "2.0.0", `{"travellers":["Fay"],"cities":["Pisa"]}`) },
		func() error { return tour.answer(ctx, "reserve", "hotel in Pisa", `"H9"`) },
		func() error { return ended(ctx, tour) },
		func() error { return answerAll(ctx, kyiv, "car", "hotel", "flight", "insurance") },
		func() error { return ended(ctx, kyiv) },
	)
}

func tripsAreReleased(ctx context.Context, a versionedApp) error {
	a.Say("Nothing runs on 1.x any more. When that has been so for a while, whoever runs services for these versions is asked to clean up.")
	for _, version := range []string{"1.0.0", "1.1.0", "1.1.1"} {
		if err := a.cleanUp(ctx, version); err != nil {
			return err
		}
	}
	return nil
}
