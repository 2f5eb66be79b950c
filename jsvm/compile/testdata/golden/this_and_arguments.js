function F() { return async () => [this, arguments, new.target]; }
async function g() { await null; return [this, () => this, arguments]; }
