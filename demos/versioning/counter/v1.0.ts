// A counter, to show hand-offs with. It adds what it is sent, until it is asked for the sum.

import { versioned, type Self } from "../thread";

export const manifest = { outputTopics: ["upgrades"] };

export interface State {
  sum: number;
}

async function count(self: Self<State>): Promise<number> {
  const numbers = self.inbox<number | "sum">("numbers");
  for (;;) {
    const number = await numbers.next();
    if (number === "sum") return self.state.sum;
    self.state.sum += number;
  }
}

export default versioned<{ from?: number }, State, number>({
  app: "counters",
  version: "1.0.0",
  start: ({ from = 0 }) => ({ sum: from }),
  run: count,
});
