// TextEncoder, TextDecoder, atob and btoa: the Encoding standard, and HTML 8.3.
//
// Decoders: utf-8, utf-16le, utf-16be, and windows-1252, which is what latin1 and ascii stand for on the web. The others need tables that nobody has asked for.

import { core } from "./core";
import { finishClass, giveSlot, slotOf } from "./slot";

const { isObject, theHost, useFamily } = core;
const { decode, decodeBase64, encodeBase64, encodeUTF8 } = theHost.natives();

const TextEncoder = class {
  constructor() {
    giveSlot(this, "TextEncoder", {});
  }
  get encoding(): string {
    slotOf(this, "TextEncoder", "TextEncoder.prototype.encoding");
    return "utf-8";
  }
  encode(input: unknown = ""): Uint8Array {
    slotOf(this, "TextEncoder", "TextEncoder.prototype.encode");
    return new Uint8Array(encodeUTF8(String(input)));
  }
  /** Writes whole characters as long as they fit. */
  encodeInto(source: unknown, destination: unknown): { read: number; written: number } {
    slotOf(this, "TextEncoder", "TextEncoder.prototype.encodeInto");
    const text = String(source);
    if (!(destination instanceof Uint8Array)) throw new TypeError("TextEncoder.prototype.encodeInto: the destination is no Uint8Array");
    let read = 0;
    let written = 0;
    while (read < text.length) {
      const code = text.codePointAt(read)!;
      const units = code > 0xffff ? 2 : 1;
      const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : units + 2;
      if (written + bytes > destination.length) break;
      read += units;
      written += bytes;
    }
    destination.set(new Uint8Array(encodeUTF8(text.slice(0, read))));
    return { read, written };
  }
};
finishClass(TextEncoder, "TextEncoder", 0);
Object.defineProperty(TextEncoder.prototype.encode, "length", { value: 0, configurable: true });

const labels: Record<string, string> = {
  "utf-8": "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
  "utf-16le": "utf-16 utf-16le csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff",
  "utf-16be": "utf-16be unicodefffe",
  "windows-1252":
    "windows-1252 ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252",
};

function encodingOf(label: unknown): string {
  const name = String(label)
    .replace(/^[ \t\n\f\r]+|[ \t\n\f\r]+$/g, "")
    .toLowerCase();
  for (const encoding of Object.keys(labels)) if (labels[encoding].split(" ").indexOf(name) >= 0) return encoding;
  throw new RangeError(`TextDecoder: the encoding ${JSON.stringify(String(label))} is not supported: use ${Object.keys(labels).join(", ")}`);
}

interface Decoder {
  encoding: string;
  fatal: boolean;
  ignoreBOM: boolean;
  /** Bytes of an unfinished character. */
  rest: number[];
  /** Whether the next character may be a byte order mark. */
  isAtStart: boolean;
  isStreaming: boolean;
}

const decoderOf = (decoder: unknown, member: string): Decoder => slotOf(decoder, "TextDecoder", "TextDecoder.prototype." + member);
const isBuffer = (value: unknown): boolean => Object.prototype.toString.call(value) === "[object ArrayBuffer]";

const TextDecoder = class {
  constructor(label: unknown = "utf-8", options?: any) {
    const encoding = encodingOf(label);
    const { fatal = false, ignoreBOM = false } = options ?? {};
    const state: Decoder = { encoding, fatal: !!fatal, ignoreBOM: !!ignoreBOM, rest: [], isAtStart: true, isStreaming: false };
    giveSlot(this, "TextDecoder", state);
  }
  get encoding(): string {
    return decoderOf(this, "encoding").encoding;
  }
  get fatal(): boolean {
    return decoderOf(this, "fatal").fatal;
  }
  get ignoreBOM(): boolean {
    return decoderOf(this, "ignoreBOM").ignoreBOM;
  }
  decode(input?: any, options?: any): string {
    const state = decoderOf(this, "decode");
    const stream = !!(isObject(options) ? (options as any).stream : false);
    // Outside a stream nothing is written: a decoder that the module code has made is shared and frozen.
    const { isStreaming } = state;
    let isAtStart = !isStreaming || state.isAtStart;
    const before = isStreaming ? state.rest : [];
    let view: Uint8Array;
    if (input === undefined) view = new Uint8Array(0);
    else if (ArrayBuffer.isView(input)) view = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    else if (isBuffer(input)) view = new Uint8Array(input);
    else throw new TypeError("TextDecoder.prototype.decode: the input is neither an ArrayBuffer nor a view of one");
    if (before.length > 0) {
      const joined = new Uint8Array(before.length + view.length);
      joined.set(before);
      joined.set(view, before.length);
      view = joined;
    }
    const decoded = decode(state.encoding, view.buffer, view.byteOffset, view.byteLength, state.fatal, !stream);
    if (decoded === null) {
      if (isStreaming) state.isStreaming = false;
      throw new TypeError(`The encoded data was not valid for encoding ${state.encoding}`);
    }
    let [text, left] = decoded;
    if (isAtStart && text !== "") {
      isAtStart = false;
      if (!state.ignoreBOM && state.encoding !== "windows-1252" && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (stream || isStreaming) {
      state.rest = [];
      for (let i = view.length - left; i < view.length; i++) state.rest.push(view[i]);
      state.isAtStart = isAtStart;
      state.isStreaming = stream;
    }
    return text;
  }
};
finishClass(TextDecoder, "TextDecoder", 0);
Object.defineProperty(TextDecoder.prototype.decode, "length", { value: 0, configurable: true });

function invalidCharacter(message: string): Error {
  const { DOMException } = useFamily("abort").internal!;
  return new DOMException(message, "InvalidCharacterError");
}

const { atob, btoa }: any = {
  atob(data: unknown): string {
    if (arguments.length === 0) throw new TypeError("atob: the text is missing");
    const text = decodeBase64(String(data));
    if (text === null) throw invalidCharacter("The string to be decoded is not correctly encoded.");
    return text;
  },
  btoa(data: unknown): string {
    if (arguments.length === 0) throw new TypeError("btoa: the text is missing");
    const text = encodeBase64(String(data));
    if (text === null) throw invalidCharacter("Invalid character");
    return text;
  },
};

export default { globals: { TextEncoder, TextDecoder, atob, btoa } };
