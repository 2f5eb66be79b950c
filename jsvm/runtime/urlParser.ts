// The basic URL parser: the URL standard, 4.4, with its names of states.

import { percentEncode, sets } from "./urlEncode";
import { parseHost } from "./urlHost";

/** A URL record, 4.1. */
export interface Record_ {
  scheme: string;
  username: string;
  password: string;
  /** Its serialization; null: none. */
  host: string | null;
  port: number | null;
  /** A text: opaque. */
  path: string[] | string;
  query: string | null;
  fragment: string | null;
}

const defaultPorts: Record<string, number | null> = { ftp: 21, file: null, http: 80, https: 443, ws: 80, wss: 443 };
export const isSpecial = (url: Record_): boolean => url.scheme in defaultPorts && Object.prototype.hasOwnProperty.call(defaultPorts, url.scheme);
export const isOpaque = (url: Record_): boolean => typeof url.path === "string";
export const takesCredentials = (url: Record_): boolean => url.host !== null && url.host !== "" && url.scheme !== "file";

export const enum State {
  SchemeStart = 1,
  Scheme,
  NoScheme,
  SpecialRelativeOrAuthority,
  PathOrAuthority,
  Relative,
  RelativeSlash,
  SpecialAuthoritySlashes,
  SpecialAuthorityIgnoreSlashes,
  Authority,
  Host,
  Hostname,
  Port,
  File,
  FileSlash,
  FileHost,
  PathStart,
  Path,
  OpaquePath,
  Query,
  Fragment,
}

const isAlpha = (c: string): boolean => c !== "" && /[a-z]/i.test(c);
const isDriveLetter = (text: string): boolean => /^[a-z][:|]$/i.test(text);
const startsWithDriveLetter = (text: string): boolean => /^[a-z][:|]([/\\?#]|$)/i.test(text);
const isSingleDot = (segment: string): boolean => /^(\.|%2e)$/i.test(segment);
const isDoubleDot = (segment: string): boolean => /^(\.|%2e){2}$/i.test(segment);

/** 4.2, shorten a URL's path. */
function shorten(url: Record_): void {
  const path = url.path as string[];
  if (url.scheme === "file" && path.length === 1 && /^[a-z]:$/i.test(path[0])) return;
  path.pop();
}

export function emptyRecord(): Record_ {
  return { scheme: "", username: "", password: "", host: null, port: null, path: [], query: null, fragment: null };
}

/**
 * Parses input. With `given`, it changes that record from the state `override` on. False for a failure; true too where the standard says "return" before the end, which
 * leaves a setter without effect.
 */
export function parse(input: string, base: Record_ | undefined, given?: Record_, override?: State): Record_ | false {
  const url = given ?? emptyRecord();
  if (given === undefined) input = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");
  input = input.replace(/[\t\n\r]/g, "");
  let state: State = override ?? State.SchemeStart;
  let buffer = "";
  let atSignSeen = false;
  let insideBrackets = false;
  let passwordTokenSeen = false;
  const inherit = (from: Record_, keepsQuery: boolean) => {
    url.username = from.username;
    url.password = from.password;
    url.host = from.host;
    url.port = from.port;
    url.path = typeof from.path === "string" ? from.path : from.path.slice();
    url.query = keepsQuery ? from.query : null;
  };
  for (let pointer = 0; ; pointer++) {
    const c = pointer < input.length ? input[pointer] : "";
    const rest = () => input.slice(pointer + 1);
    const isSlash = c === "/" || (c === "\\" && isSpecial(url));
    switch (state) {
      case State.SchemeStart:
        if (isAlpha(c)) {
          buffer += c.toLowerCase();
          state = State.Scheme;
        } else if (override === undefined) {
          state = State.NoScheme;
          pointer--;
        } else return false;
        break;
      case State.Scheme:
        if (c !== "" && /[a-z0-9+.-]/i.test(c)) buffer += c.toLowerCase();
        else if (c === ":") {
          if (override !== undefined) {
            const isNewSpecial = Object.prototype.hasOwnProperty.call(defaultPorts, buffer);
            if (isSpecial(url) !== isNewSpecial) return url;
            if ((url.username !== "" || url.password !== "" || url.port !== null) && buffer === "file") return url;
            if (url.scheme === "file" && (url.host === null || url.host === "")) return url;
          }
          url.scheme = buffer;
          if (override !== undefined) {
            if (url.port === defaultPorts[url.scheme]) url.port = null;
            return url;
          }
          buffer = "";
          if (url.scheme === "file") state = State.File;
          else if (isSpecial(url) && base !== undefined && base.scheme === url.scheme) state = State.SpecialRelativeOrAuthority;
          else if (isSpecial(url)) state = State.SpecialAuthoritySlashes;
          else if (input[pointer + 1] === "/") {
            state = State.PathOrAuthority;
            pointer++;
          } else {
            url.path = "";
            state = State.OpaquePath;
          }
        } else if (override === undefined) {
          buffer = "";
          state = State.NoScheme;
          pointer = -1;
        } else return false;
        break;
      case State.NoScheme:
        if (base === undefined || (isOpaque(base) && c !== "#")) return false;
        if (isOpaque(base) && c === "#") {
          url.scheme = base.scheme;
          url.path = base.path;
          url.query = base.query;
          url.fragment = "";
          state = State.Fragment;
        } else {
          state = base.scheme === "file" ? State.File : State.Relative;
          pointer--;
        }
        break;
      case State.SpecialRelativeOrAuthority:
        if (c === "/" && input[pointer + 1] === "/") {
          state = State.SpecialAuthorityIgnoreSlashes;
          pointer++;
        } else {
          state = State.Relative;
          pointer--;
        }
        break;
      case State.PathOrAuthority:
        if (c === "/") state = State.Authority;
        else {
          state = State.Path;
          pointer--;
        }
        break;
      case State.Relative:
        url.scheme = base!.scheme;
        if (c === "/") state = State.RelativeSlash;
        else if (isSpecial(url) && c === "\\") state = State.RelativeSlash;
        else {
          inherit(base!, true);
          if (c === "?") {
            url.query = "";
            state = State.Query;
          } else if (c === "#") {
            url.fragment = "";
            state = State.Fragment;
          } else if (c !== "") {
            url.query = null;
            shorten(url);
            state = State.Path;
            pointer--;
          }
        }
        break;
      case State.RelativeSlash:
        if (isSpecial(url) && (c === "/" || c === "\\")) state = State.SpecialAuthorityIgnoreSlashes;
        else if (c === "/") state = State.Authority;
        else {
          const path = url.path;
          inherit(base!, false);
          url.path = path;
          state = State.Path;
          pointer--;
        }
        break;
      case State.SpecialAuthoritySlashes:
        state = State.SpecialAuthorityIgnoreSlashes;
        if (c === "/" && input[pointer + 1] === "/") pointer++;
        else pointer--;
        break;
      case State.SpecialAuthorityIgnoreSlashes:
        if (c !== "/" && c !== "\\") {
          state = State.Authority;
          pointer--;
        }
        break;
      case State.Authority:
        if (c === "@") {
          if (atSignSeen) buffer = "%40" + buffer;
          atSignSeen = true;
          const colon = passwordTokenSeen ? -1 : buffer.indexOf(":");
          if (passwordTokenSeen) url.password += percentEncode(buffer, sets.userinfo);
          else if (colon < 0) url.username += percentEncode(buffer, sets.userinfo);
          else {
            passwordTokenSeen = true;
            url.username += percentEncode(buffer.slice(0, colon), sets.userinfo);
            url.password += percentEncode(buffer.slice(colon + 1), sets.userinfo);
          }
          buffer = "";
        } else if (c === "" || isSlash || c === "?" || c === "#") {
          if (atSignSeen && buffer === "") return false;
          pointer -= buffer.length + 1;
          buffer = "";
          state = State.Host;
        } else buffer += c;
        break;
      case State.Host:
      case State.Hostname:
        if (override !== undefined && url.scheme === "file") {
          pointer--;
          state = State.FileHost;
        } else if (c === ":" && !insideBrackets) {
          if (buffer === "" || override === State.Hostname) return false;
          const host = parseHost(buffer, !isSpecial(url));
          if (host === undefined) return false;
          url.host = host;
          buffer = "";
          state = State.Port;
        } else if (c === "" || isSlash || c === "?" || c === "#") {
          pointer--;
          if (isSpecial(url) && buffer === "") return false;
          if (override !== undefined && buffer === "" && (url.username !== "" || url.password !== "" || url.port !== null)) return false;
          const host = buffer === "" ? "" : parseHost(buffer, !isSpecial(url));
          if (host === undefined) return false;
          url.host = host;
          buffer = "";
          state = State.PathStart;
          if (override !== undefined) return url;
        } else {
          if (c === "[") insideBrackets = true;
          else if (c === "]") insideBrackets = false;
          buffer += c;
        }
        break;
      case State.Port:
        if (c >= "0" && c <= "9") buffer += c;
        else if (c === "" || isSlash || c === "?" || c === "#" || override !== undefined) {
          if (buffer !== "") {
            const port = Number(buffer);
            if (port > 65535) return false;
            url.port = port === defaultPorts[url.scheme] ? null : port;
            buffer = "";
            if (override !== undefined) return url;
          }
          if (override !== undefined) return false;
          state = State.PathStart;
          pointer--;
        } else return false;
        break;
      case State.File:
        url.scheme = "file";
        url.host = "";
        if (c === "/" || c === "\\") state = State.FileSlash;
        else if (base !== undefined && base.scheme === "file") {
          url.host = base.host;
          url.path = (base.path as string[]).slice();
          url.query = base.query;
          if (c === "?") {
            url.query = "";
            state = State.Query;
          } else if (c === "#") {
            url.fragment = "";
            state = State.Fragment;
          } else if (c !== "") {
            url.query = null;
            if (!startsWithDriveLetter(input.slice(pointer))) shorten(url);
            else url.path = [];
            state = State.Path;
            pointer--;
          }
        } else {
          state = State.Path;
          pointer--;
        }
        break;
      case State.FileSlash:
        if (c === "/" || c === "\\") state = State.FileHost;
        else {
          if (base !== undefined && base.scheme === "file") {
            url.host = base.host;
            if (!startsWithDriveLetter(input.slice(pointer)) && base.path.length > 0 && /^[a-z]:$/i.test(base.path[0])) (url.path as string[]).push(base.path[0]);
          }
          state = State.Path;
          pointer--;
        }
        break;
      case State.FileHost:
        if (c === "" || c === "/" || c === "\\" || c === "?" || c === "#") {
          pointer--;
          if (override === undefined && isDriveLetter(buffer)) state = State.Path;
          else if (buffer === "") {
            url.host = "";
            if (override !== undefined) return url;
            state = State.PathStart;
          } else {
            const host = parseHost(buffer, !isSpecial(url));
            if (host === undefined) return false;
            url.host = host === "localhost" ? "" : host;
            if (override !== undefined) return url;
            buffer = "";
            state = State.PathStart;
          }
        } else buffer += c;
        break;
      case State.PathStart:
        if (isSpecial(url)) {
          state = State.Path;
          if (c !== "/" && c !== "\\") pointer--;
        } else if (override === undefined && c === "?") {
          url.query = "";
          state = State.Query;
        } else if (override === undefined && c === "#") {
          url.fragment = "";
          state = State.Fragment;
        } else if (c !== "") {
          state = State.Path;
          if (c !== "/") pointer--;
        } else if (override !== undefined && url.host === null) (url.path as string[]).push("");
        break;
      case State.Path: {
        const path = url.path as string[];
        if (c !== "" && !isSlash && (override !== undefined || (c !== "?" && c !== "#"))) {
          buffer += c;
          break;
        }
        if (isDoubleDot(buffer)) {
          shorten(url);
          if (!isSlash) path.push("");
        } else if (isSingleDot(buffer)) {
          if (!isSlash) path.push("");
        } else {
          if (url.scheme === "file" && path.length === 0 && isDriveLetter(buffer)) buffer = buffer[0] + ":";
          path.push(percentEncode(buffer, sets.path));
        }
        buffer = "";
        if (c === "?") {
          url.query = "";
          state = State.Query;
        } else if (c === "#") {
          url.fragment = "";
          state = State.Fragment;
        }
        break;
      }
      case State.OpaquePath:
        if (c === "?" || c === "#" || c === "") {
          let path = percentEncode(buffer, sets.control);
          // A space before the query or the fragment, which may go later, must not become one at the end.
          if (c !== "" && path[path.length - 1] === " ") path = path.slice(0, -1) + "%20";
          url.path = path;
          buffer = "";
          if (c === "?") {
            url.query = "";
            state = State.Query;
          } else if (c === "#") {
            url.fragment = "";
            state = State.Fragment;
          }
        } else buffer += c;
        break;
      case State.Query:
        if (c === "" || (override === undefined && c === "#")) {
          url.query += percentEncode(buffer, isSpecial(url) ? sets.specialQuery : sets.query);
          buffer = "";
          if (c === "#") {
            url.fragment = "";
            state = State.Fragment;
          }
        } else buffer += c;
        break;
      default:
        if (c !== "") url.fragment += percentEncode(c + rest(), sets.fragment);
        return url;
    }
    if (c === "" && pointer >= input.length) return url;
  }
}

/** 4.5, the URL path serializer. */
export function writePath({ path }: Record_): string {
  if (typeof path === "string") return path;
  return path.map((segment) => "/" + segment).join("");
}

/** 4.5, the URL serializer. */
export function write(url: Record_): string {
  let out = url.scheme + ":";
  if (url.host !== null) {
    out += "//";
    if (url.username !== "" || url.password !== "") out += url.username + (url.password === "" ? "" : ":" + url.password) + "@";
    out += url.host + (url.port === null ? "" : ":" + url.port);
  } else if (typeof url.path !== "string" && url.path.length > 1 && url.path[0] === "") out += "/.";
  out += writePath(url);
  if (url.query !== null) out += "?" + url.query;
  return url.fragment === null ? out : out + "#" + url.fragment;
}
