// TextEncoder, TextDecoder, atob, btoa and the newer methods of strings and arrays.
import { log } from "./log";
import * as W from "kont";

export default async function main() {
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  await null;
  log(encoder.encoding, [...encoder.encode("aé漢😀\ud800z\udc00")], [...encoder.encode()], decoder.encoding, decoder.fatal, decoder.ignoreBOM);
  const into = new Uint8Array(7);
  for (const text of ["abc", "aé漢😀", "😀😀", "漢漢漢", "\ud800x"]) { into.fill(0); const r = encoder.encodeInto(text, into); log(text.length, r.read, r.written, [...into]); }
  const bad = [[0xc3], [0xc3, 0x28], [0xe2, 0x82], [0xe2, 0x82, 0x41], [0xf0, 0x9f, 0x98], [0xf0, 0x80, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff, 0x41], [0x80, 0x80], [0xc0, 0xaf], [0xef, 0xbb, 0xbf, 0x41], [0xf0, 0x9f, 0xef, 0xbb, 0xbf]];
  for (const bytes of bad) {
    let strict = "";
    try { strict = new TextDecoder("utf8", { fatal: true }).decode(new Uint8Array(bytes)) } catch (e: any) { strict = e.name }
    log(bytes, [...new TextDecoder().decode(new Uint8Array(bytes))].map((c) => c.codePointAt(0)), [...new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes))].length, strict.length);
  }
  const stream = new TextDecoder(), all = encoder.encode("\ufeffgrün 😀 漢"), parts: string[] = [];
  for (let i = 0; i < all.length; i++) {
    parts.push(stream.decode(all.subarray(i, i + 1), { stream: true }));
    await null; // the unfinished character is kept
  }
  parts.push(stream.decode());
  log(parts.join("|"), stream.decode(new Uint8Array([0xe6])), await W.ref("x"));
  const wide = new TextDecoder("utf-16le");
  const units = new Uint8Array([0xff, 0xfe, 0x41, 0, 0x3d, 0xd8, 0x00, 0xde, 0x3d, 0xd8, 0x42, 0, 0x43]);
  log([...wide.decode(units)].map((c) => c.codePointAt(0)), [...new TextDecoder("utf-16be").decode(new Uint8Array([0, 0x41, 0xd8, 0x3d]))].map((c) => c.codePointAt(0)));
  const pieces: string[] = [];
  for (const b of units) { pieces.push(wide.decode(new Uint8Array([b]), { stream: true })); await null }
  log(pieces.join("|").length, wide.decode().codePointAt(0));
  for (const label of ["latin1", " ASCII ", "iso-8859-1", "windows-1252"]) { const d = new TextDecoder(label); log(d.encoding, [...d.decode(new Uint8Array([0x41, 0xe9, 0xff, 0x81]))].map((c) => c.codePointAt(0))) }
  try { new TextDecoder("nonsense") } catch (e: any) { log(e.name) }
  log(new TextDecoder().decode(new DataView(all.buffer, 3, 2)), new TextDecoder().decode(all.buffer.slice(3, 6)), new TextDecoder().decode(undefined) === "");
  log(btoa(""), btoa("a"), btoa("ab"), btoa("abc"), btoa("\xff\xfe"), atob(""), atob("YQ=="), atob(" Y Q "), atob("YWJj").length, atob("//79").charCodeAt(0));
  for (const text of ["Y", "YQ=", "YQ===", "Y*Q=", "=", "YQ==YQ=="]) try { log(atob(text)) } catch (e: any) { log(text, e.name, e.code, e instanceof Error) }
  try { btoa("é漢") } catch (e: any) { log(e.name, e.code) }
  log("a\ud800b\ud83d\ude00\udc00".toWellFormed().length, "a\ud800".isWellFormed(), "\ud83d\ude00".isWellFormed(), "x".toWellFormed());
  log("abc".at(-1), "a.b.c".replaceAll(".", "-"), "aXbX".replaceAll(/x/gi, (m) => m + m), [1, 2, 3].at(-1), Object.hasOwn({ a: 1 }, "a"));
  const list = [3, 1, 2], typed = new Uint8Array([3, 1, 2]);
  await null;
  log(list.toSorted(), list.toReversed(), list.toSpliced(1, 1, 9, 8), list.with(-1, 7), list, list.findLast((x) => x > 1), list.findLastIndex((x) => x > 2), [1, [2, [3, [4]]]].flat(2), [1, 2].flatMap((x) => [x, x * 2]));
  log([...typed.toSorted()], [...typed.toReversed()], [...typed.with(0, 9)], typed.findLast((x) => x > 1), typed.findLastIndex((x) => x > 5), typed.at(-1), [...typed]);
  log(new Error("a", { cause: { b: 1 } }).cause, new AggregateError([1, 2], "m").errors, Array.from({ length: 2 }, (_, i) => i), "x".padStart(3, "ab"), " t ".trimEnd(), Object.fromEntries([["a", 1]]));
  log("aBc".match(/(?<x>b)/i)!.groups!.x, [..."a1b2".matchAll(/\d/g)].map((m) => m.index), "2024-05".replace(/(?<y>\d+)-(?<m>\d+)/, "$<m>/$<y>"), /(?<=\$)\d+/.exec("cost $42")![0], /a.c/s.test("a\nc"));
}
