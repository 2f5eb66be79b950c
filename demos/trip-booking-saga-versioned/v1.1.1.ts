// 1.1.1 is a patch: 1.1.0 forgot the insurance in the total.
//
// New trips run it. Those on 1.1.0 stay there, since `state` does not change and the deployer does not ask for more; with "handOff": "patch" they move.

import { versioned, type Self } from "../versioning/thread";
import { definition, type Booking, type State } from "./v1.1";

export { manifest } from "./v1.1";

async function book(self: Self<State>): Promise<Booking> {
  const booking = await definition.run(self);
  return { ...booking, total: self.state.reserved.reduce((sum, { price }) => sum + price, 0) };
}

export default versioned({ ...definition, version: "1.1.1", run: book });
