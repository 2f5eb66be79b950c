// 2.0 books a tour of several cities, one after the other. It begins afresh: neither the trips of 1.x nor their clients' arguments mean anything to it.

import * as W from "kont";
import { versioned, type Self } from "../versioning/thread";

export const manifest = { outputTopics: ["upgrades", "reservations"] };

interface Tour {
  travellers: string[];
  cities: string[];
}

interface State {
  tour: Tour;
  /** Ids of the hotels that have been reserved, in the order of the cities. */
  hotels: string[];
  /** What has been reserved is being cancelled. */
  isFailed?: boolean;
}

async function book(self: Self<State>): Promise<object> {
  const { tour, hotels } = self.state;
  const { travellers, cities } = tour;
  try {
    while (hotels.length < cities.length) {
      const kind = `hotel in ${cities[hotels.length]}`;
      const hotel = await self.ask<string>(kind, ({ id: ref }) => W.outputJSON({ action: "reserve", kind, ref, travellers }, "reservations"));
      hotels.push(hotel);
    }
    return { travellers, hotels };
  } catch (error) {
    self.state.isFailed = true;
    for (const [i, id] of [...hotels.entries()].reverse()) {
      const kind = `hotel in ${cities[i]}`;
      await self.ask(`cancel ${kind}`, ({ id: ref }) => W.outputJSON({ action: "cancel", kind, ref, id }, "reservations")).catch((refusal) => console.error(refusal));
    }
    throw error;
  }
}

export default versioned<Tour, State, object>({
  app: "trips",
  version: "2.0.0",
  start: (tour) => ({ tour, hotels: [] }),
  run: book,
  busy: ({ isFailed }) => (isFailed ? "it is being undone" : undefined),
});
