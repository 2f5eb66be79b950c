async function f(x) { switch (x) { case 1: await x; case await 2: return x; default: break; } return 3; }
