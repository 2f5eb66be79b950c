import * as W from "kont";
import _ from "lodash";
export default async function main() {
  const wrapped = _([3, 1, 2]).map((n) => n * 2).filter((n) => n > 2).sortBy();
  const n = await W.ref<number>("one");
  console.log(JSON.stringify(wrapped.value()), _.capitalize("abc"), _.now() > 0);
  return 1;
}
