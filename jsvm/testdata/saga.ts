import * as W from "kont";

export const manifest = { outputTopics: ["reserve", "undo"] };

interface Trip {
  user: string;
  city: string;
  nights: number;
}

class BookingError extends Error {
  code: number;
  constructor(message: string, code: number) {
    super(message);
    this.name = "BookingError";
    this.code = code;
  }
}

class Leg {
  constructor(
    public kind: string,
    public price: number,
    public reservation: string,
  ) {}
  async confirm(by: string): Promise<string> {
    const answer = await ask("confirm", this.kind, this.reservation);
    return `${this.kind}:${answer}:${by}`;
  }
}

class FlightLeg extends Leg {
  async confirm(by: string) {
    return "F-" + (await super.confirm(by));
  }
}

let asked = 0;

async function ask(what: string, ...rest: unknown[]): Promise<any> {
  asked++;
  const ref = W.ref<any>(what);
  W.outputJSON({ what, rest, ref: ref.id }, "reserve");
  return await ref;
}

async function withTimeout<T>(work: Promise<T>, milliseconds: number, what: string): Promise<T> {
  return Promise.race([
    work,
    W.sleep(milliseconds).then(() => {
      throw new BookingError(what + " timed out", 408);
    }),
  ]);
}

export default async function bookTrip(trip: Trip) {
  const compensations: (() => Promise<void>)[] = [];
  const attempts = new Map<string, number>();
  const seen = new Set<string>();
  const legs: Leg[] = [];
  let total = 0n;
  const self: any = { trip, tags: ["a", , "c"], neg: -0, nan: NaN, when: new Date(86400000), re: /x(?<y>\d+)/gi };
  self.self = self;
  try {
    for (const kind of ["flight", "hotel", "car"]) {
      attempts.set(kind, (attempts.get(kind) ?? 0) + 1);
      let reservation: string | undefined;
      for (let i = 0; i < 3; i++) {
        try {
          reservation = await withTimeout(ask("book", kind, trip.city, i), 1000 * (i + 1), kind);
          break;
        } catch (error: any) {
          console.log(`retry ${kind} ${i} ${error.message} ${error instanceof BookingError} ${error.code}`);
          if (i === 2) throw error;
          compensations.push(async () => {
            await ask("note", kind, i);
          });
        } finally {
          seen.add(kind + i);
        }
      }
      const leg = kind === "flight" ? new FlightLeg(kind, 100, reservation!) : new Leg(kind, 50, reservation!);
      legs.push(leg);
      total += BigInt(leg.price);
      compensations.push(async () => {
        W.output(`${kind} ${reservation} ${legs.indexOf(leg)}`, "undo");
        await ask("cancel", kind, reservation);
      });
    }
    const { user, nights = 1 } = trip;
    const confirmations = await Promise.all(legs.map(async (leg, i) => `${i}=${await leg.confirm(user)}`));
    const charge = { ...(await ask("charge", `${user}/${nights * Number(total)}`)), at: self.when.getTime() };
    if (!charge.ok) throw new BookingError("charge failed: " + charge.reason, 402);
    return { ok: true, charge, confirmations, total: String(total), asked };
  } catch (error: any) {
    for (const undo of compensations.reverse()) await undo();
    return {
      ok: false, why: error.message, code: error.code, total: String(total), asked, seen: [...seen].join(" "),
      cycle: self.self === self, neg: Object.is(self.neg, -0), nan: self.nan, hole: !(1 in self.tags),
      when: self.when.toISOString(), attempts: [...attempts].join(";"),
    };
  }
}
