import * as W from "kont";
import Mustache from "mustache";
const T = "Dear {{name}},{{#items}} {{sku}}{{/items}}";
export default async function main() {
  const n = await W.ref<number>("one");
  console.log(Mustache.render(T, { name: "<Ann>", items: [{ sku: "a" }, { sku: n }] }));
  await W.ref<number>("two");
  console.log(Mustache.render(T, { name: "Bob", items: [] }));
  return 1;
}
