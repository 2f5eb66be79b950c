// Host names in other scripts: RFC 3492, and the part of UTS #46 that the engine's normalization gives (case, compatibility forms, ignored characters). What that standard
// forbids beyond it (bidirectional rules, joiners, unassigned characters) is let through: it takes tables of 300 KB.

const base = 36;
const tMin = 1;
const tMax = 26;
const maxInt = 0x7fffffff;

function adapt(delta: number, points: number, isFirst: boolean): number {
  delta = isFirst ? Math.floor(delta / 700) : delta >> 1;
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > ((base - tMin) * tMax) >> 1; k += base) delta = Math.floor(delta / (base - tMin));
  return k + Math.floor(((base - tMin + 1) * delta) / (delta + 38));
}

const threshold = (k: number, bias: number): number => (k <= bias ? tMin : k >= bias + tMax ? tMax : k - bias);
const digit = (n: number): string => String.fromCharCode(n < 26 ? n + 97 : n + 22);

export function codePoints(text: string): number[] {
  const points: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code > 0xffff) i++;
    points.push(code);
  }
  return points;
}

/** RFC 3492, 6.3. */
function encode(label: string): string {
  const input = codePoints(label);
  let output = input.filter((c) => c < 128).map((c) => String.fromCharCode(c)).join("");
  const basic = output.length;
  let handled = basic;
  if (basic > 0) output += "-";
  let n = 128;
  let delta = 0;
  let bias = 72;
  while (handled < input.length) {
    let next = maxInt;
    for (const c of input) if (c >= n && c < next) next = c;
    delta += (next - n) * (handled + 1);
    n = next;
    for (const c of input) {
      if (c < n) delta++;
      if (c !== n) continue;
      let q = delta;
      for (let k = base; ; k += base) {
        const t = threshold(k, bias);
        if (q < t) break;
        output += digit(t + ((q - t) % (base - t)));
        q = Math.floor((q - t) / (base - t));
      }
      output += digit(q);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
    delta++;
    n++;
  }
  return output;
}

/** RFC 3492, 6.2; undefined for what is no such text. */
function decode(text: string): string | undefined {
  const output: number[] = [];
  const last = text.lastIndexOf("-");
  for (let i = 0; i < last; i++) output.push(text.charCodeAt(i));
  let n = 128;
  let index = 0;
  let bias = 72;
  for (let at = last < 0 ? 0 : last + 1; at < text.length; ) {
    const before = index;
    let weight = 1;
    for (let k = base; ; k += base) {
      const c = text.charCodeAt(at++);
      const value = c >= 97 && c <= 122 ? c - 97 : c >= 48 && c <= 57 ? c - 22 : base;
      if (value >= base) return undefined; // also at the end, where c is NaN
      index += value * weight;
      const t = threshold(k, bias);
      if (index > maxInt) return undefined;
      if (value < t) break;
      weight *= base - t;
    }
    bias = adapt(index - before, output.length + 1, before === 0);
    n += Math.floor(index / (output.length + 1));
    index %= output.length + 1;
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) return undefined;
    output.splice(index++, 0, n);
  }
  return output.map((c) => String.fromCodePoint(c)).join("");
}

const ignored = /[\u00ad\u034f\u180b-\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff]/g;
const isASCII = /^[\0-\x7f]*$/;

function mapped(text: string): string {
  // Lower case of a final sigma depends on what is around it; the mapping does not.
  return text
    .replace(ignored, "")
    .normalize("NFKC")
    .replace(/[^\0-\x7f]|[A-Z]/g, (c) => c.toLowerCase())
    .replace(/ẞ/g, "ß")
    .normalize("NFC");
}

/** "Domain to ASCII" of the URL standard, 3.3, without strictness; undefined for a failure. */
export function domainToASCII(domain: string): string | undefined {
  const labels = mapped(domain)
    .replace(/[\u3002\uff0e\uff61]/g, ".")
    .split(".");
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!isASCII.test(label)) labels[i] = "xn--" + encode(label);
    else if (label.slice(0, 4) === "xn--") {
      const decoded = decode(label.slice(4));
      if (decoded === undefined || decoded === "" || isASCII.test(decoded) || mapped(decoded) !== decoded) return undefined;
    }
  }
  const ascii = labels.join(".");
  return ascii === "" ? undefined : ascii;
}
