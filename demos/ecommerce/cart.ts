// What a cart holds. Nothing in here waits; index.ts does.

/** A cart as records show it. */
export interface Contents {
  email?: string;
  items: Line[];
}

export interface Line {
  item: string;
  quantity: number;
}

/** Each method that changes a cart throws, and leaves it as it was, when it is asked for something that makes no sense. */
export class Cart {
  email?: string;
  readonly #quantities = new Map<string, number>();

  constructor({ email, items = [] }: Partial<Contents> = {}) {
    if (email !== undefined) this.changeEmail(email);
    for (const { item, quantity } of items) this.add(item, quantity);
  }

  add(item: string, quantity = 1) {
    checkLine(item, quantity);
    this.#quantities.set(item, (this.#quantities.get(item) ?? 0) + quantity);
  }

  remove(item: string, quantity = 1) {
    checkLine(item, quantity);
    const left = (this.#quantities.get(item) ?? 0) - quantity;
    if (left < 0) throw new Error(`there are not ${quantity} of ${item} in the cart`);
    if (left === 0) this.#quantities.delete(item);
    else this.#quantities.set(item, left);
  }

  changeEmail(email: string) {
    if (typeof email !== "string" || !email.includes("@")) throw new Error(`${JSON.stringify(email)} is no email address`);
    this.email = email;
  }

  /** Throws if the cart is not ready to become an order. */
  checkOut() {
    if (this.email === undefined) throw new Error("there is no email address to send the order to");
    if (this.isEmpty) throw new Error("there is nothing in the cart");
  }

  get isEmpty() {
    return this.#quantities.size === 0;
  }

  get contents(): Contents {
    return { email: this.email, items: Array.from(this.#quantities, ([item, quantity]) => ({ item, quantity })) };
  }
}

function checkLine(item: string, quantity: number) {
  if (typeof item !== "string" || item === "") throw new Error(`${JSON.stringify(item)} is no item`);
  if (!Number.isInteger(quantity) || quantity < 1) throw new Error(`${JSON.stringify(quantity)} is no quantity`);
}
