// 1.1 knows how many numbers there were, too. Of counters that began on 1.0 it knows only from their hand-off on, and says so.

import { versioned, type Self } from "../thread";
import type { State as State10 } from "./v1.0";

export const manifest = { outputTopics: ["upgrades"] };

export interface State {
  sum: number;
  count: number;
  isCountComplete: boolean;
}

async function count(self: Self<State>): Promise<object> {
  const numbers = self.inbox<number | "sum">("numbers");
  for (;;) {
    const number = await numbers.next();
    if (number === "sum") return self.state;
    self.state.sum += number;
    self.state.count++;
  }
}

export default versioned<{ from?: number }, State, object>({
  app: "counters",
  version: "1.1.0",
  start: ({ from = 0 }) => ({ sum: from, count: 0, isCountComplete: true }),
  adopt: (state: State10 | State) => ({ count: 0, isCountComplete: false, ...state }),
  run: count,
});
