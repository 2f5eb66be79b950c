// A trip is booked as a whole or not at all.
//
// Three reservations run in parallel, in a race with a timer. What has been reserved when something fails is cancelled again, the
// latest first. What has been asked for, but not answered, is withdrawn: its await throws a CancelToken.

import * as W from "kont";

export const manifest = { outputTopics: ["reservations"] };

interface Trip {
  customer: string;
  city: string;
  /** In the currency of the prices; no limit if absent. */
  budget?: number;
  /** Milliseconds until the booking is given up; a minute if absent. */
  patience?: number;
}

interface Reservation {
  id: string;
  price: number;
}

type Kind = "car" | "hotel" | "flight";

/** Asks the reservation service for something. Its reply settles the ref. */
function ask<T>(action: "reserve" | "cancel", kind: Kind, details: object): W.Ref<T> {
  const reply = W.ref<T>(kind);
  W.outputJSON({ action, kind, ref: reply.id, ...details }, "reservations");
  return reply;
}

async function timeout(milliseconds: number): Promise<never> {
  await W.sleep(milliseconds);
  throw "timeout";
}

export default async function bookTrip({ customer, city, budget = Infinity, patience = 60_000 }: Trip) {
  const compensations: (() => Promise<void>)[] = [];
  let total = 0;

  async function reserve(kind: Kind): Promise<string> {
    const reply = ask<Reservation>("reserve", kind, { customer, city });
    let reservation: Reservation;
    try {
      reservation = await reply;
    } catch (error) {
      // Nothing has been reserved yet; after a CancelToken the service may still be at it.
      if (error instanceof W.CancelToken) W.outputJSON({ action: "withdraw", kind, ref: reply.id }, "reservations");
      throw error;
    }
    const { id, price } = reservation;
    compensations.push(async () => {
      await ask("cancel", kind, { id });
    });
    total += price;
    if (total > budget) throw new Error(`the ${kind} is too expensive: ${total} of ${budget}`);
    return id;
  }

  try {
    const [car, hotel, flight] = await Promise.race([
      Promise.all([reserve("car"), reserve("hotel"), reserve("flight")]),
      timeout(patience),
    ]);
    return { customer, car, hotel, flight, total };
  } catch (error) {
    for (const compensate of compensations.reverse()) {
      // One that is refused must not keep the others from being asked for.
      await compensate().catch((refusal) => console.error(refusal));
    }
    throw error;
  }
}
