// Hosts: the URL standard, 3. A host is kept as its serialization.

import { percentDecode, percentEncode, sets } from "./urlEncode";
import { domainToASCII } from "./punycode";

const forbiddenHost = /[\0\t\n\r #/:<>?@[\\\]^|]/;
const forbiddenDomain = /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/;
const plainDomain = /^(?!.*xn--)[a-z0-9._-]+$/;

/** The host parser, 3.5; undefined for a failure. */
export function parseHost(input: string, isOpaque: boolean): string | undefined {
  if (input[0] === "[") {
    if (input[input.length - 1] !== "]") return undefined;
    const pieces = parseIPv6(input.slice(1, -1));
    return pieces === undefined ? undefined : "[" + writeIPv6(pieces) + "]";
  }
  if (isOpaque) return forbiddenHost.test(input) ? undefined : percentEncode(input, sets.control);
  const domain = percentDecode(input);
  const ascii = plainDomain.test(domain) ? domain : domainToASCII(domain);
  if (ascii === undefined || forbiddenDomain.test(ascii)) return undefined;
  return endsInNumber(ascii) ? parseIPv4(ascii) : ascii;
}

/** 3.5, the ends-in-a-number checker. */
function endsInNumber(text: string): boolean {
  const parts = text.split(".");
  if (parts[parts.length - 1] === "") {
    if (parts.length === 1) return false;
    parts.pop();
  }
  const last = parts[parts.length - 1];
  return /^[0-9]+$/.test(last) || parseNumber(last) !== undefined;
}

/** The IPv4 number parser. */
function parseNumber(text: string): number | undefined {
  if (text === "") return undefined;
  let radix = 10;
  if (/^0x/i.test(text)) {
    text = text.slice(2);
    radix = 16;
  } else if (text.length > 1 && text[0] === "0") {
    text = text.slice(1);
    radix = 8;
  }
  if (text === "") return 0;
  if (!(radix === 10 ? /^[0-9]+$/ : radix === 16 ? /^[0-9a-f]+$/i : /^[0-7]+$/).test(text)) return undefined;
  return parseInt(text, radix);
}

function parseIPv4(text: string): string | undefined {
  const parts = text.split(".");
  if (parts[parts.length - 1] === "" && parts.length > 1) parts.pop();
  if (parts.length > 4) return undefined;
  const numbers: number[] = [];
  for (let i = 0; i < parts.length; i++) {
    const number = parseNumber(parts[i]);
    if (number === undefined) return undefined;
    numbers.push(number);
  }
  const last = numbers.pop()!;
  if (last >= 256 ** (4 - numbers.length)) return undefined;
  let address = last;
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] > 255) return undefined;
    address += numbers[i] * 256 ** (3 - i);
  }
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function parseIPv6(input: string): number[] | undefined {
  const pieces = [0, 0, 0, 0, 0, 0, 0, 0];
  let index = 0;
  let compress = -1;
  let at = 0;
  if (input[0] === ":") {
    if (input[1] !== ":") return undefined;
    at = 2;
    compress = ++index;
  }
  while (at < input.length) {
    if (index === 8) return undefined;
    if (input[at] === ":") {
      if (compress >= 0) return undefined;
      at++;
      compress = ++index;
      continue;
    }
    const digits = /^[0-9a-f]{0,4}/i.exec(input.slice(at))![0];
    at += digits.length;
    if (input[at] === ".") {
      if (digits === "" || index > 6) return undefined;
      const parts = input.slice(at - digits.length).split(".");
      if (parts.length !== 4) return undefined;
      for (let i = 0; i < 4; i++) {
        if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[i]) || Number(parts[i]) > 255) return undefined;
        pieces[index] = pieces[index] * 256 + Number(parts[i]);
        if (i % 2 === 1) index++;
      }
      at = input.length;
      break;
    }
    if (input[at] === ":") {
      if (++at === input.length) return undefined;
    } else if (at < input.length) return undefined;
    pieces[index++] = parseInt(digits || "0", 16);
  }
  if (compress >= 0) {
    for (let swaps = index - compress, to = 7; to !== 0 && swaps > 0; to--, swaps--) {
      const from = compress + swaps - 1;
      [pieces[to], pieces[from]] = [pieces[from], pieces[to]];
    }
  } else if (index !== 8) return undefined;
  return pieces;
}

/** The first longest run of at least two zeros is left out. */
function writeIPv6(pieces: number[]): string {
  let from = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && pieces[i + n] === 0) n++;
    if (n > length) [from, length] = [i, n];
    i += n;
  }
  const text = (some: number[]) => some.map((piece) => piece.toString(16)).join(":");
  return from < 0 ? text(pieces) : text(pieces.slice(0, from)) + "::" + text(pieces.slice(from + length));
}
