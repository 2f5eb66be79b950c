import * as W from "kont";
import jsonata from "jsonata";
const sum = jsonata("$sum(items.(price * qty))");
export default async function main() {
  const e = jsonata("items[price > 5].sku");
  const n = await W.ref<number>("one");
  console.log(await sum.evaluate({ items: [{ price: 2, qty: n }] }), JSON.stringify(await e.evaluate({ items: [{ sku: "a", price: 6 }] })));
  const f = jsonata("$ask(3)"); f.registerFunction("ask", async (n: number) => n + await W.ref<number>("ask"));
  console.log(await f.evaluate({}));
  return 1;
}
