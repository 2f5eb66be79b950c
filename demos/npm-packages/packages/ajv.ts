import * as W from "kont";
import Ajv from "ajv";
export default async function main() {
  const ajv = new Ajv();
  const v = ajv.compile({ type: "object", properties: { a: { type: "number" } }, required: ["a"] });
  await W.ref("one");
  return v({ a: 1 });
}
