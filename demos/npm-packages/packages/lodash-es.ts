import * as W from "kont";
import _, { groupBy, sortBy, chain, chunk, merge, cloneDeep, memoize, curry, once, uniqueId, template, partial, debounce, isEqual, flow, mapValues, orderBy } from "lodash-es";
export default async function main() {
  const grouped = groupBy([{ k: "a", n: 1 }, { k: "b", n: 2 }, { k: "a", n: 3 }], "k");
  const wrapped = _([3, 1, 2]).map((n) => n * 2).filter((n) => n > 2).sortBy();
  const chained = _.chain([1, 2, 3]).map((n) => n + 1);
  const add = curry((a: number, b: number, c: number) => a + b + c)(1);
  const memo = memoize((n: number) => n * 2); memo(3);
  const first = once(() => 7); first();
  const id = uniqueId("p");
  const part = partial((a: number, b: number) => a - b, 10);
  const piped = flow([(n: number) => n + 1, (n: number) => n * 2]);
  const n = await W.ref<number>("one");
  console.log(JSON.stringify(grouped), JSON.stringify(wrapped.value()), JSON.stringify(chained.take(2).value()), add(2)(n), memo(3), memo(4), memo.cache.has(3), first(), id, uniqueId("p"), part(n), piped(n));
  console.log(JSON.stringify(merge({ a: { b: 1 } }, { a: { c: 2 } })), JSON.stringify(cloneDeep({ d: [1, new Map([[1, 2]])] })), isEqual(new Set([1]), new Set([1])), JSON.stringify(chunk([1, 2, 3], 2)), JSON.stringify(mapValues({ a: 1 }, (v) => v + n)));
  const it = _([1, 2, 3]); it.next();
  await W.ref("two");
  console.log(JSON.stringify([...it]), JSON.stringify(orderBy([{ a: 1 }, { a: 2 }], ["a"], ["desc"])));
  try { console.log(template("hello <%= x %>")({ x: 1 })) } catch (e) { console.log("template: " + e) }
  try { debounce(() => 1, 10)() } catch (e) { console.log("debounce: " + e) }
  return 1;
}
