// 1.1.1 is a patch: with 1.1.0, who removed more than there was got a cart with less than nothing.

import { versioned } from "../versioning/thread";
import { change, definition, shop, type Request, type State } from "./v1.1";

export { manifest } from "./v1.1";

function changeIfPossible(quantities: State["quantities"], request: Request) {
  if (request.action === "remove" && (quantities[request.item] ?? 0) < (request.quantity ?? 1)) throw `there is not so much of ${request.item}`;
  change(quantities, request);
}

export default versioned({ ...definition, version: "1.1.1", run: (self) => shop(self, changeIfPossible) });
