// URL and URLSearchParams, held across refs and jobs.
import { log } from "./log";
import * as W from "kont";

const show = (u: URL) => log(u.href, "|", u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash);
const shared = new URL("https://shared.example/a?b=1");

export default async function main() {
  const base = new URL("https://us%65r:p%40ss@Example.COM:8080/a/b/../c/./d;x?q=1&q=2#frag");
  show(base);
  await null;
  show(base);
  for (const text of [
    "../x", "//other.org/y", "?only=query", "#only-hash", "", "/abs", "http:rel", "mailto:a@b.c", "data:text/plain,hi there ", "javascript:alert(1)", "file:///C:/x/../y", "..\\back\\slash",
    "https://[2001:db8::0:1]/", "http://[::ffff:1.2.3.4]:80", "http://192.168.257", "http://0x7f.0.0.1", "http://1e3.example/", "ftp://f:21/", "ws://h:80/", "wss://h:80/", "blob:https://a.b/uuid",
    "non-special://Ho%20st:99/p?q", "non-special:/a/../b", "web+demo:/.//not-a-host/", "http://a b/", "http://a:99999/", "http://[::1", "http://%41.com", "http://ex%2fample.com", "http://user@/x", "https:///many.slashes",
    "http://münchen.de/ä?ö#ü", "http://xn--mnchen-3ya.de", "http://ＧＯ.com", "http://日本語。jp", "http://a.b./", "http://1.2.3.4.5/", "http://256.256.256.256/", "http://h\t/\nx", "  http://trim/  ",
    "file://localhost/x", "file:c:\\x", "http://a/%zz%41%", "http://a/{x}|y`z", "http://a/?'\"<>", "x:?'\"<>", "http://a/#`\"<> ", "http://u:p:q@h/", "http://@h/", "http://u@@h/",
  ]) {
    let made: any = "invalid";
    try {
      made = new URL(text, base);
    } catch (e: any) {
      made = e.name + " " + e.message;
    }
    await null;
    log(JSON.stringify(text), made instanceof URL ? made.href : made, URL.canParse(text), URL.canParse(text, base));
  }
  const u = new URL("https://h.example/p?x=1&y=2&x=3");
  const params = u.searchParams;
  const it = params.entries();
  it.next();
  log(await W.ref("a"), params.get("x"), params.getAll("x"), params.has("x", "3"), params.size, u.searchParams === params);
  params.append("né w", "a+b &=");
  params.delete("x", "1");
  log(u.href, [...it]);
  u.search = "?z=%20+&a=1&b";
  await null;
  log([...params], String(params), [...params.keys()], [...params.values()]);
  params.sort();
  params.set("a", "*-._~'()!");
  log(u.href, String(params));
  params.delete("a"); params.delete("b"); params.delete("z");
  log(u.href, u.search);
  const setters: [string, string][] = [
    ["protocol", "http"], ["protocol", "ftp:x"], ["protocol", "mailto"], ["username", "ä:b"], ["password", "p@"], ["host", "new.host:81/x"], ["host", "a:b"], ["hostname", "h2:5"], ["hostname", "127.1"], ["port", "8081abc"], ["port", "x"],
    ["port", "443"], ["port", ""], ["pathname", "/a b/../c?d#e"], ["pathname", "rel"], ["search", "a b'#"], ["hash", "x y`#"], ["hash", ""], ["search", ""], ["href", "https://last.example/?k=v"],
  ];
  for (const [key, value] of setters) {
    await null;
    (u as any)[key] = value;
    log(key, JSON.stringify(value), u.href);
  }
  try {
    u.href = "nope";
  } catch (e: any) {
    log(e.name, e.message, u.href);
  }
  const opaque: any = new URL("mailto:a@b");
  for (const [key, value] of setters.slice(0, -1)) opaque[key] = value;
  log(opaque.href);
  log([...new URLSearchParams({ a: "1", b: "ü" })], [...new URLSearchParams([["x", "y"], ["x", "z"]])], String(new URLSearchParams("?a=%F0%9F%98%80&b=%ff&&=x&c")), [...new URLSearchParams("a=b=c&d%3")]);
  for (const bad of [[["a"]], [1], [["a", "b", "c"]]]) try { new URLSearchParams(bad as any); log("fine") } catch (e: any) { log(e.name) }
  class Api extends URL { get version() { return this.pathname.split("/")[1] } }
  const api = new Api("/v2/things", "https://api.example");
  log(await W.ref("b"), api.version, api instanceof URL, JSON.stringify({ api }), Object.prototype.toString.call(api), shared.searchParams.get("b"));
  const copy = new URLSearchParams(params), each: any[] = [];
  copy.forEach(function (this: any, v, k, p) { each.push(v, k, p === copy, this.t) }, { t: 1 });
  log(each, typeof URL.prototype.toJSON, new URLSearchParams("lone=\ud800").get("lone"), new URL("http://a/\ud800").pathname);
}
