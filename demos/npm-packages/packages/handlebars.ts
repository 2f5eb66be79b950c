import * as W from "kont";
import Handlebars from "handlebars";
export default async function main() {
  const t = Handlebars.compile("Dear {{name}}");
  await W.ref("one");
  return t({ name: "Ann" });
}
