// The error thrown into a cancelled await.

export class CancelToken extends Error {
  constructor(message = "cancelled") {
    super(message);
  }
}
Object.defineProperty(CancelToken.prototype, "name", { value: "CancelToken", writable: true, configurable: true });
