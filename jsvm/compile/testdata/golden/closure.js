// Captured variables live in environments; others stay local. Factories make closures.
let total = 0;
function counter(start) { let n = start, local = 1; const up = (by = 1) => { n += by; total += local; return function () { return [n, by, arguments.length]; }; }; return up; }
