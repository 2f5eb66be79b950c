import * as W from "kont";
import * as YAML from "yaml";
export default async function main() {
  const doc = YAML.parseDocument("a: 1\nb:\n  - x\n  - y # c\n");
  const n = await W.ref<number>("one");
  console.log(String(doc), JSON.stringify(doc.toJS()), YAML.stringify({ a: [1, { b: n }] }), JSON.stringify(YAML.parse("d: 2020-01-01\nn: null")));
  return 1;
}
