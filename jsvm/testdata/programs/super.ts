import { log } from "./log";

// super(…) in arrow functions, also in asynchronous ones that go on when the constructor has ended.
export default async function main() {
  const base = 1;
  class Point {
    list: any[];
    constructor(...list: any[]) {
      this.list = list;
    }
  }
  class Late extends Point {
    field = base;
    done: Promise<any>;
    constructor(x: any) {
      const init = async () => {
        const self: any = super(x, base);
        await null;
        log(self === this, this.field, new.target.name);
        try {
          super(await x, await "second");
        } catch (error: any) {
          log("again", error.name);
        }
        return super.constructor === Point;
      };
      const done = init();
      this.done = done;
    }
  }
  const late = new Late(2);
  log(late.list, late.field);
  log(await late.done);

  let reach: any;
  class Twice extends Point {
    constructor() {
      super("first");
      reach = async (x: any) => {
        await x;
        return super(x);
      };
    }
  }
  const twice = new Twice();
  try {
    await reach("x");
  } catch (error: any) {
    log(error.name, twice.list);
  }

  class Never extends Point {
    constructor() {
      const start = () => () => super("nested");
      try {
        this.list;
      } catch (error: any) {
        log(error.name);
      }
      start()();
      log(this.list);
      for (const f of [start(), () => this.list.length]) {
        try {
          log(f());
        } catch (error: any) {
          log(error.name);
        }
      }
    }
  }
  new Never();
  return "end";
}
