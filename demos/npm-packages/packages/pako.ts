import * as W from "kont";
import * as pako from "pako";
export default async function main() {
  const packed = pako.deflate("hello hello hello hello");
  const inflator = new pako.Inflate({ toText: true } as any);
  inflator.push(packed.slice(0, 5), false);
  await W.ref("one");
  inflator.push(packed.slice(5), true);
  console.log(packed.length, String(pako.inflate(packed).length), String((inflator.result as any).length));
  return 1;
}
