// Names of resume points.

/**
 * The compiler takes `await W.label("name", promise)` out of the program: it is `await promise` at a resume point with a name. So a call that
 * runs is one that it has not seen, such as one by another name, and its point would silently have none.
 */
export function label(_name: string, _value: unknown): never {
  throw new TypeError('a label names the wait of an await right before it: write `await W.label("name", promise)`');
}
