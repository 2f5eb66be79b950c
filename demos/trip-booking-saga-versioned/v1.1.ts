// 1.1 books an insurance, too. Trips of 1.0 that are under way get one when they are handed over.
//
// The state of 1.0 is one of 1.1 in which no insurance has been reserved, so it is taken as it is.

import * as W from "kont";
import type { Definition, Self } from "../versioning/thread";
import { versioned } from "../versioning/thread";

export const manifest = { outputTopics: ["upgrades", "reservations"] };

export interface Trip {
  customer: string;
  city: string;
  /** Milliseconds until the booking is given up; a minute if absent. */
  patience?: number;
}

export type Kind = "car" | "hotel" | "flight" | "insurance";

interface Reservation {
  id: string;
  price: number;
}

export interface State {
  trip: Trip;
  /** The latest last. */
  reserved: ({ kind: Kind } & Reservation)[];
  /** What has been reserved is being cancelled. */
  isFailed?: boolean;
}

async function reserve(self: Self<State>, kind: Kind): Promise<string> {
  const { trip, reserved } = self.state;
  const found = reserved.find((reservation) => reservation.kind === kind);
  if (found) return found.id;
  const { customer, city } = trip;
  const reservation = await self.ask<Reservation>(
    kind,
    ({ id: ref }) => W.outputJSON({ action: "reserve", kind, ref, customer, city }, "reservations"),
    ({ id: ref }) => W.outputJSON({ action: "withdraw", kind, ref }, "reservations"),
  );
  reserved.push({ kind, ...reservation });
  return reservation.id;
}

async function timeout(self: Self<State>, milliseconds: number): Promise<never> {
  await self.sleep("timeout", milliseconds);
  throw "timeout";
}

async function book(self: Self<State>): Promise<Booking> {
  const { trip, reserved } = self.state;
  try {
    const [car, hotel, flight, insurance] = await Promise.race([
      Promise.all([reserve(self, "car"), reserve(self, "hotel"), reserve(self, "flight"), reserve(self, "insurance")]),
      timeout(self, trip.patience ?? 60_000),
    ]);
    const total = reserved.reduce((sum, { kind, price }) => (kind === "insurance" ? sum : sum + price), 0);
    return { customer: trip.customer, car, hotel, flight, insurance, total };
  } catch (error) {
    self.state.isFailed = true;
    for (const { kind, id } of reserved.reverse()) {
      // One that is refused must not keep the others from being asked for.
      await self.ask(`cancel ${kind}`, ({ id: ref }) => W.outputJSON({ action: "cancel", kind, ref, id }, "reservations")).catch((refusal) => console.error(refusal));
    }
    throw error;
  }
}

export interface Booking {
  customer: string;
  car: string;
  hotel: string;
  flight: string;
  insurance: string;
  total: number;
}

export const definition: Definition<Trip, State, Booking> = {
  app: "trips",
  version: "1.1.0",
  start: (trip) => ({ trip, reserved: [] }),
  run: book,
  busy: ({ isFailed }) => (isFailed ? "it is being undone" : undefined),
};

export default versioned(definition);
