// Function.prototype.toString: the author's text.
//
// The compiler leaves "\0" + id as the source text of a function of the bundle; the host program knows the text of each id. Any other
// function is the engine's or this library's, and is shown as native.

let textOfFunction: (id: string) => string | undefined = () => undefined;

/** Sets where the author's texts come from. */
export function setFunctionText(lookup: (id: string) => string | undefined): void {
  textOfFunction = lookup;
}

const apply = Reflect.apply;
const nativeToString = Function.prototype.toString;

/** What the compiler left: "\0" + id; for the codec. */
export function functionTag(fn: Function): string {
  return apply(nativeToString, fn, []);
}

const holder = {
  toString(this: any): string {
    const text: string = apply(nativeToString, this, []);
    if (text.charCodeAt(0) === 0) {
      const source = textOfFunction(text.slice(1));
      if (source !== undefined) return source;
    }
    const name = this.name;
    return `function ${typeof name === "string" ? name : ""}() { [native code] }`;
  },
};

export function installSource(): void {
  Object.defineProperty(Function.prototype, "toString", { value: holder.toString, writable: true, configurable: true });
}
