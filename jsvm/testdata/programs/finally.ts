import * as W from "kont";
import { log } from "./log";

// try, catch and finally with jumps, returns and throws through them.
async function override(how: string) {
  for (let i = 0; i < 3; i++) {
    try {
      await null;
      if (how === "return") return "try " + i;
      if (how === "throw") throw new Error("try " + i);
      if (how === "continue") continue;
      log("body", i);
    } catch (e: any) {
      log("catch", e.message);
      await W.ref();
      if (i === 1) throw new TypeError("catch " + i);
    } finally {
      await null;
      log("finally", how, i);
      if (how === "return" && i < 1) continue;
      if (how === "normal" && i === 1) break;
      if (how === "throw" && i === 1) return "override";
    }
  }
  return "end";
}

async function nested(depth: number): Promise<string> {
  outer: for (const a of [1, 2, 3]) {
    try {
      for (const b of [1, 2]) {
        try {
          await null;
          if (a === 1 && b === 2) continue outer;
          if (a === 2) break outer;
          if (depth > 0) return await nested(depth - 1);
        } finally {
          log("inner", depth, a, b);
          try { await Promise.reject(new Error("x" + b)) } catch (e: any) { log("swallowed", e.message) }
        }
      }
    } finally {
      log("outer", depth, a);
      await W.ref("out");
    }
  }
  return "left " + depth;
}

async function lost() {
  try {
    try { throw 1 } finally { await null; throw 2 }
  } catch (e) { log("lost", e) }
  try { try { await Promise.reject(3) } catch (e) { throw [e, await W.ref()] } finally { log("f") } } catch (e) { log("c", e) }
  return await (async () => { try { return await W.ref("fail") } catch (e) { return ["caught", e] } finally { log("after fail") } })();
}

async function pending() {
  const order: any[] = [];
  const gen = (function* () {
    try { order.push(yield 1); order.push(yield 2) }
    catch (e) { order.push("caught " + e); yield "c" }
    finally { order.push("fin"); const back: any = yield "f"; order.push(back) }
    return "ret";
  })();
  order.push(gen.next().value);
  await W.ref();
  order.push(gen.return("early" as any).value);
  await W.ref();
  order.push(JSON.stringify(gen.next("resume")));
  order.push(JSON.stringify(gen.next()));
  return order;
}

export default async function main() {
  for (const how of ["return", "throw", "continue", "normal"]) {
    try { log(how, await override(how)) } catch (e) { log(how, e) }
  }
  log(await nested(1));
  log(await lost());
  log(await pending());
  const sync = () => { for (;;) { try { return 1 } finally { break } } return 2 };
  const sync2 = () => { l: try { throw 1 } catch { break l } finally { log("sf") } return "l" };
  await null;
  return [sync(), sync2(), await (async () => { l: { try { await null; break l } finally { await null } } return "labelled" })()];
}
