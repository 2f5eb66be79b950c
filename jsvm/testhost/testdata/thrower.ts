import * as W from "kont";
export default async function main(what: string) {
  switch (what) {
    case "text": throw "no reason";
    case "error": throw new TypeError("a reason");
    case "unhandled": void (async () => { throw new Error("aside") })(); await W.ref("go"); return "went on";
    case "nothing": await W.ref("go"); return;
    case "bigint": return 1n;
    case "proxy": { const held = { cart: new Proxy({}, {}) }; await W.ref("go"); return typeof held; }
    case "once": { await W.ref("go"); const seen = new Proxy({}, {}); await null; return typeof seen; }
    case "undeclared": await W.ref("go"); W.output("x", "nowhere"); return;
    case "loop": await W.ref("go"); for (;;) {}
  }
}
