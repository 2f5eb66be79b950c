import * as W from "kont";
import qs from "qs";
export default async function main() {
  const parsed = qs.parse("a[b]=1&c=2");
  await W.ref<number>("one");
  console.log(qs.stringify({ a: [1, 2] }), JSON.stringify(parsed));
  return 1;
}
