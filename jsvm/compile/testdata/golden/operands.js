// Operands before an await are kept; those after it stay in place.
async function f(o, g) { return o.m(g(), await o.x, g()) + `${g()}-${await g()}`; }
