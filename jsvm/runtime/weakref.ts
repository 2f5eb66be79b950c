// WeakRef and FinalizationRegistry: ECMAScript 26.1 and 26.2.
//
// The engine gives no access to its collector, so nothing is ever seen to be collected: a WeakRef holds its target, and a registry never calls back. Both are
// allowed: the standard promises neither. In return a WeakRef is kept with its target, which in a thread that sleeps for months is what its author expects.

import { canBeHeld, finishClass, giveSlot, slotOf } from "./slot";

const WeakRef = class {
  constructor(target: unknown) {
    if (!canBeHeld(target)) throw new TypeError("WeakRef: the target is neither an object nor a symbol that can be held weakly");
    giveSlot(this, "WeakRef", { target });
  }
  deref(): unknown {
    return slotOf(this, "WeakRef", "WeakRef.prototype.deref").target;
  }
};

const FinalizationRegistry = class {
  constructor(cleanup: unknown) {
    if (typeof cleanup !== "function") throw new TypeError("FinalizationRegistry: the cleanup callback is no function");
    giveSlot(this, "FinalizationRegistry", { tokens: new WeakSet() });
  }
  /** Neither target nor held value is kept: nobody will ask for them. The tokens are in a WeakSet, which a registry at module scope can share. */
  register(target: unknown, held: unknown, token?: unknown): void {
    const { tokens } = slotOf(this, "FinalizationRegistry", "FinalizationRegistry.prototype.register");
    if (!canBeHeld(target)) throw new TypeError("FinalizationRegistry.prototype.register: the target cannot be held weakly");
    if (Object.is(target, held)) throw new TypeError("FinalizationRegistry.prototype.register: the held value is the target");
    if (canBeHeld(token)) tokens.add(token);
    else if (token !== undefined) throw new TypeError("FinalizationRegistry.prototype.register: the unregister token cannot be held weakly");
  }
  unregister(token: unknown): boolean {
    const { tokens } = slotOf(this, "FinalizationRegistry", "FinalizationRegistry.prototype.unregister");
    if (!canBeHeld(token)) throw new TypeError("FinalizationRegistry.prototype.unregister: the token cannot be held weakly");
    return tokens.delete(token);
  }
};

finishClass(WeakRef, "WeakRef", 1);
finishClass(FinalizationRegistry, "FinalizationRegistry", 1);
Object.defineProperty(FinalizationRegistry.prototype.register, "length", { value: 2, configurable: true });

export default { globals: { WeakRef, FinalizationRegistry } };
