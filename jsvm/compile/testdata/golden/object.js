// Methods that use super have the object as their home; accessors are added by the kernel.
function f(y) { return { a: 1, m() { return super.m(y); }, get x() { return y; }, ...y, z: 2 }; }
