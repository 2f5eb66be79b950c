import * as W from "kont";
import superjson from "superjson";
export default async function main() {
  const packed = superjson.serialize({ d: new Date(0), m: new Map([[1, new Set([2])]]), u: undefined, b: 3n });
  await W.ref<number>("one");
  const back: any = superjson.deserialize(packed);
  console.log(back.d instanceof Date, back.m.get(1).has(2), "u" in back, back.b);
  return 1;
}
