class A extends B { [k()] = 1; static n = () => this; f = () => this.f; constructor() { super(); } get x() { return super.x; } async m(a) { await a; return super.m(() => A); } }
