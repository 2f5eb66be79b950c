import * as W from "kont";
import * as yup from "yup";
const Y = yup.object({ a: yup.number().required().min(1) });
export default async function main() {
  const L = yup.object({ x: yup.array().of(Y) });
  const n = await W.ref<number>("one");
  console.log(JSON.stringify(await L.validate({ x: [{ a: "3" }] })), Y.isValidSync({ a: n }), await L.validate({ x: [{ a: 0 }] }).catch(String));
  return 1;
}
