// Conditions short-circuit between blocks; a temporary joins the ways of a value.
async function f(a, b) { if (a && !(await b)) return 1; else a ||= await b; return a ? await b : a; }
