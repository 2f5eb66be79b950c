// A trip is booked as a whole or not at all: the saga of ../trip-booking-saga, written so that a newer version can go on with it.
//
// What the saga knows is in one state. Each step of it asks the state first whether it has been done.

import * as W from "kont";
import { versioned, type Self } from "../versioning/thread";

export const manifest = { outputTopics: ["upgrades", "reservations"] };

export interface Trip {
  customer: string;
  city: string;
  /** Milliseconds until the booking is given up; a minute if absent. */
  patience?: number;
}

export type Kind = "car" | "hotel" | "flight";

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

async function book(self: Self<State>): Promise<object> {
  const { trip, reserved } = self.state;
  try {
    const [car, hotel, flight] = await Promise.race([
      Promise.all([reserve(self, "car"), reserve(self, "hotel"), reserve(self, "flight")]),
      timeout(self, trip.patience ?? 60_000),
    ]);
    return { customer: trip.customer, car, hotel, flight, total: reserved.reduce((sum, { price }) => sum + price, 0) };
  } catch (error) {
    self.state.isFailed = true;
    for (const { kind, id } of reserved.reverse()) {
      // One that is refused must not keep the others from being asked for.
      await self.ask(`cancel ${kind}`, ({ id: ref }) => W.outputJSON({ action: "cancel", kind, ref, id }, "reservations")).catch((refusal) => console.error(refusal));
    }
    throw error;
  }
}

export default versioned<Trip, State, object>({
  app: "trips",
  version: "1.0.0",
  start: (trip) => ({ trip, reserved: [] }),
  run: book,
  // A trip that is being undone has little to gain from a new version: it ends on this one.
  busy: ({ isFailed }) => (isFailed ? "it is being undone" : undefined),
});
