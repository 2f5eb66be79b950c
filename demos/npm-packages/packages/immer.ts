import * as W from "kont";
import { produce, current, original, enableMapSet, createDraft, finishDraft, enablePatches, produceWithPatches, applyPatches, immerable, isDraft } from "immer";
enableMapSet(); enablePatches();
class Cart { [immerable] = true; items: { sku: string; qty: number }[] = []; }
const initial = { lines: [{ sku: "a", qty: 1 }], meta: { tags: new Set(["x"]), map: new Map([["k", { n: 1 }]]) } };
export default async function main() {
  let state = produce(initial, (d) => { d.lines.push({ sku: "b", qty: 2 }); d.meta.tags.add("y"); d.meta.map.get("k")!.n++ });
  const n = await W.ref<number>("one");
  state = produce(state, (d) => { d.lines[0].qty += n });
  console.log(JSON.stringify(state.lines), [...state.meta.tags].join(), state.meta.map.get("k")!.n, Object.isFrozen(state), JSON.stringify(initial.lines), Object.isFrozen(state.lines[0]));
  await W.ref("two");
  let threw = ""; try { (state.lines as any).push(1) } catch (e) { threw = String(e) }
  console.log(threw, Object.isFrozen(state), Object.isFrozen(state.lines[0]));
  let threw2 = ""; try { state.meta.tags.add("q") } catch (e) { threw2 = String(e) }
  console.log(threw2);
  const cart = produce(new Cart(), (c) => { c.items.push({ sku: "z", qty: n }) });
  await W.ref("three");
  console.log(cart instanceof Cart, JSON.stringify(cart));
  const [next, patches, inverse] = produceWithPatches(state, (d) => { d.lines[1].qty = 99; d.lines.splice(0, 1) });
  await W.ref("four");
  console.log(JSON.stringify(patches), JSON.stringify(applyPatches(next, inverse).lines));
  const curried = produce((d: any, by: number) => { d.n += by });
  await W.ref("five");
  console.log(JSON.stringify(curried({ n: 1 }, n)));
  return 1;
}
