// One object of every family of built-ins, and the console's state, across one await.
import * as W from "kont";

export default async function main() {
  const url = new URL("https://user@example.org:8080/a?x=1&y=2#h"), params = url.searchParams, entries = params.entries();
  entries.next();
  const controller = new AbortController(), any = AbortSignal.any([controller.signal]), events: string[] = [];
  any.addEventListener("abort", () => events.push("aborted"), { once: true });
  const event = new CustomEvent("made", { detail: { n: 1 } }), scope = new W.CancellationScope(), ofScope = W.abortSignal(scope), deadline = AbortSignal.timeout(60_000);
  W.cancelOnAbort(controller.signal, scope);
  const helper = [1, 2, 3, 4].values().filter((x) => x % 2 === 0).map((x) => x * 10), wrapped = Iterator.from({ next: () => ({ value: 7, done: false }) } as any).take(2);
  const stack = new DisposableStack(), later = new AsyncDisposableStack();
  stack.defer(() => events.push("disposed"));
  later.defer(async () => { await null; events.push("disposed later") });
  const decoder = new TextDecoder(), partly = decoder.decode(new Uint8Array([0xf0, 0x9f]), { stream: true }), encoder = new TextEncoder();
  const held = { url }, weak = new WeakRef(held), registry = new FinalizationRegistry(() => {});
  registry.register(held, 1, held);
  const buffer = new ArrayBuffer(4), moved = buffer.transfer(8), error = new DOMException("m", "NotFoundError"), suppressed = new SuppressedError(1, 2, "s");
  const pending = Array.fromAsync([W.ref<number>("item"), 2], (x) => x * 2);
  console.count("c");
  console.group();
  const name = /^\p{L}+$/u;
  helper.next();
  const answer = await W.ref<string>("answer");
  console.count("c");
  controller.abort("why");
  await later.disposeAsync();
  stack.dispose();
  url.pathname = "/b";
  params.append("z", answer);
  return [
    url.href, [...entries], any.reason, events, event.detail, ofScope.aborted, ofScope.reason.cause, scope.cancelled, deadline.aborted, [...helper], [...wrapped], stack.disposed, later.disposed,
    partly + decoder.decode(new Uint8Array([0x98, 0x80])), [...encoder.encode("é")], weak.deref() === held, registry.unregister(held), buffer.detached, moved.byteLength, error.code, suppressed.suppressed, await pending, name.test("ñ"),
  ];
}
