import * as W from "kont";
import { EventEmitter } from "eventemitter3";
import { LRUCache } from "lru-cache";
import * as Immutable from "immutable";
export default async function main() {
  const em = new EventEmitter(), got: any[] = []; em.on("x", (v) => got.push(v));
  const lru = new LRUCache<string, number>({ max: 2 }); lru.set("a", 1);
  const list = Immutable.List([1, 2, 3]), map = Immutable.Map({ a: 1 }), rec = Immutable.Record({ q: 0 })({ q: 1 });
  const n = await W.ref<number>("one");
  em.emit("x", n); lru.set("b", 2); lru.set("c", 3);
  console.log(got.join(), lru.get("a"), lru.get("c"), JSON.stringify(list.push(n)), JSON.stringify(map.set("b", n)), rec.q, rec.set("q", 5).q, Immutable.List.isList(list), Immutable.is(map, Immutable.Map({ a: 1 })));
  return 1;
}
