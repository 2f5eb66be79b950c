import * as W from "kont";
import Joi from "joi";
const J = Joi.object({ a: Joi.number().min(1), b: Joi.string().email() });
export default async function main() {
  const L = Joi.object({ x: Joi.array().items(J) });
  const n = await W.ref<number>("one");
  console.log(JSON.stringify(L.validate({ x: [{ a: 0 }] })), JSON.stringify(J.validate({ a: n })));
  return 1;
}
