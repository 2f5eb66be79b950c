import * as W from "kont";
import fjp from "fast-json-patch";
import equal from "fast-deep-equal";
import deepmerge from "deepmerge";
export default async function main() {
  const document = { a: 1, list: [1, 2] }, before = fjp.deepClone(document);
  const n = await W.ref<number>("one");
  document.a = n; document.list.push(n);
  const patch = fjp.compare(before, document);
  await W.ref<number>("two");
  console.log(JSON.stringify(patch), JSON.stringify(fjp.applyPatch(before, patch).newDocument), equal(before, document), JSON.stringify(deepmerge({ a: [1] }, { a: [2] })));
  return 1;
}
