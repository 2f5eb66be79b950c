// Percent-encoding: the URL standard, 1.3, and application/x-www-form-urlencoded, 5.

import { core } from "./core";

const { decode, encodeUTF8 } = core.theHost.natives();

export const utf8 = (text: string): Uint8Array => new Uint8Array(encodeUTF8(text));

/** The printable ASCII characters that each set adds to the controls and what is not ASCII. */
const query = " \"#<>";
const path = query + "?^`{}";
const userinfo = path + "/:;=@[\\]|";
export const sets = { control: "", fragment: " \"<>`", query, specialQuery: query + "'", path, userinfo, component: userinfo + "$%&+,", form: userinfo + "$%&+,!'()~" };

const hex = "0123456789ABCDEF";
const percent = (byte: number): string => "%" + hex[byte >> 4] + hex[byte & 15];

/** UTF-8 percent-encode. */
export function percentEncode(text: string, set: string): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x1f && c < 0x7f) {
      out += set.indexOf(text[i]) >= 0 ? percent(c) : text[i];
      continue;
    }
    const isPair = c >= 0xd800 && c < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    const bytes = utf8(isPair ? text.slice(i, i + 2) : text[i]);
    for (let j = 0; j < bytes.length; j++) out += percent(bytes[j]);
    if (isPair) i++;
  }
  return out;
}

/** UTF-8 decode without BOM of percent-decode. */
export function percentDecode(text: string): string {
  if (text.indexOf("%") < 0) return text;
  const bytes = utf8(text);
  const digit = (byte: number): number => (byte >= 48 && byte <= 57 ? byte - 48 : (byte | 32) >= 97 && (byte | 32) <= 102 ? (byte | 32) - 87 : -1);
  let length = 0;
  for (let i = 0; i < bytes.length; i++, length++) {
    const high = bytes[i] === 37 ? digit(bytes[i + 1]) : -1;
    const low = high < 0 ? -1 : digit(bytes[i + 2]);
    if (low < 0) bytes[length] = bytes[i];
    else {
      bytes[length] = (high << 4) | low;
      i += 2;
    }
  }
  return decode("utf-8", bytes.buffer, 0, length, false, true)![0];
}

export type Pair = [name: string, value: string];

export function parseForm(text: string): Pair[] {
  const pairs: Pair[] = [];
  const parts = text.split("&");
  const plain = (part: string) => percentDecode(part.replace(/\+/g, " "));
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === "") continue;
    const at = part.indexOf("=");
    pairs.push(at < 0 ? [plain(part), ""] : [plain(part.slice(0, at)), plain(part.slice(at + 1))]);
  }
  return pairs;
}

export function writeForm(pairs: Pair[]): string {
  const form = (text: string) => percentEncode(text, sets.form).replace(/%20/g, "+");
  return pairs.map(([name, value]) => form(name) + "=" + form(value)).join("&");
}
