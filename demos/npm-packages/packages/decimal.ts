import * as W from "kont";
import Decimal from "decimal.js";
import BigNumber from "bignumber.js";
import Big from "big.js";
const D40 = Decimal.clone({ precision: 40 });
const rate = new Decimal("0.19");
export default async function main() {
  const a = new Decimal("10.10"), b = new BigNumber("1.1"), c = new Big("2.5"), d = new D40(1).div(3);
  const Mine = Decimal.clone({ precision: 5 });
  const m = new Mine("1").div(3);
  const n = await W.ref<number>("one");
  console.log(a.mul(rate).plus(n).toFixed(2), b.times(3).plus(n).toString(), c.div(3).toString(), d.toString(), d.sqrt().toString(), m.toString(), m.times(2).toString(), a instanceof Decimal, m instanceof Mine, BigNumber.isBigNumber(b));
  return a;
}
