package demos

import "context"

var tripBookingSaga = Demo{
	Name:  "trip-booking-saga",
	About: "three reservations in a race with a timer, compensated when one fails, on a node that is killed",
	Files: folder("trip-booking-saga"),
	Entry: "index.ts",
	Play: func(ctx context.Context, s Stage) error {
		for _, trip := range []func(context.Context, Stage) error{tripThatGoesWell, tripWithoutFlight, tripThatTakesTooLong} {
			if err := trip(ctx, s); err != nil {
				return err
			}
		}
		return nil
	},
	Next: []string{
		"kont dev demos/trip-booking-saga/index.ts   # a node of your own with this workflow",
		"less demos/trip-booking-saga/README.md      # play the services by hand",
	},
}

const tripTopic = "reservations"

func tripThatGoesWell(ctx context.Context, s Stage) error {
	rome := actor{s, "rome", tripTopic}
	s.Say("A trip to Rome. Three requests go out at once, and a timer is set. The services answer in an order of their own.")
	return inOrder(
		func() error { return rome.start(ctx, `{"customer":"Ann","city":"Rome"}`) },
		func() error { return rome.answer(ctx, "reserve", "hotel", `{"id":"H1","price":200}`) },
		func() error { return killAndGoOn(ctx, s) },
		func() error { return rome.answer(ctx, "reserve", "flight", `{"id":"F1","price":300}`) },
		func() error { return rome.answer(ctx, "reserve", "car", `{"id":"C1","price":100}`) },
		func() error { _, err := s.Await(ctx, resultTopic, "rome", nil); return err },
	)
}

func killAndGoOn(ctx context.Context, s Stage) error {
	if err := s.Crash(ctx); err != nil {
		return err
	}
	s.Say("That was a crash in the middle of the trip. The node came back on its data, and the trip goes on where it was; nobody sends anything again.")
	return nil
}

func tripWithoutFlight(ctx context.Context, s Stage) error {
	oslo := actor{s, "oslo", tripTopic}
	s.Say("A trip to Oslo. The hotel is reserved, then the flight is sold out. The car, not answered yet, is withdrawn; the hotel is cancelled.")
	return inOrder(
		func() error { return oslo.start(ctx, `{"customer":"Ben","city":"Oslo"}`) },
		func() error { return oslo.answer(ctx, "reserve", "hotel", `{"id":"H2","price":180}`) },
		func() error {
			ref, err := oslo.awaitRequest(ctx, "reserve", "flight")
			if err != nil {
				return err
			}
			return oslo.refuse(ctx, ref, `"the flight is sold out"`)
		},
		func() error { _, err := oslo.awaitRequest(ctx, "withdraw", "car"); return err },
		func() error { return oslo.answer(ctx, "cancel", "hotel", `"cancelled"`) },
		func() error { _, err := s.Await(ctx, errorTopic, "oslo", nil); return err },
	)
}

func tripThatTakesTooLong(ctx context.Context, s Stage) error {
	lima := actor{s, "lima", tripTopic}
	s.Say("A trip to Lima, with a patience of two seconds. Only the car is answered in time. Nobody sends anything when the time is up: the timer does.")
	return inOrder(
		func() error { return lima.start(ctx, `{"customer":"Cem","city":"Lima","patience":2000}`) },
		func() error { return lima.answer(ctx, "reserve", "car", `{"id":"C3","price":90}`) },
		func() error { _, err := lima.awaitRequest(ctx, "withdraw", "hotel"); return err },
		func() error { return lima.answer(ctx, "cancel", "car", `"cancelled"`) },
		func() error { _, err := s.Await(ctx, errorTopic, "lima", nil); return err },
	)
}
