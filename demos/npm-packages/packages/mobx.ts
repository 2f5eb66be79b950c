import * as W from "kont";
import { makeAutoObservable, autorun } from "mobx";
class Cart { n = 0; constructor() { makeAutoObservable(this) } add(k: number) { this.n += k } get twice() { return this.n * 2 } }
export default async function main() {
  const cart = new Cart(); const seen: number[] = [];
  autorun(() => { seen.push(cart.twice) });
  const n = await W.ref<number>("one");
  cart.add(n);
  console.log(cart.twice, seen.join());
  return 1;
}
