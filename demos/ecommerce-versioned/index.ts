// The newest version.
export { default, manifest } from "./v2.0";
