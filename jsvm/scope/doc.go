// Package scope finds out what every name of a script means.
//
// It is the compiler's first pass: goja's tree goes in unchanged, and an Info
// comes out that answers, for the passes after it,
//
//   - which binding an identifier refers to, and whether the reference needs a
//     check for the temporal dead zone (ECMAScript 9.1.1.1);
//   - which bindings are captured: referred to by another function than the one
//     that declares them. Those live in environment objects, all others in real
//     local variables;
//   - which functions need the environment in which they were made, which use
//     the `this`, `arguments` or home object of a function around them;
//   - which nodes contain a suspension (await or yield) of their own function.
//
// It refuses to rewrite anything. It reports, as Problems, what no later pass
// can give a meaning to: `with`, a direct `eval`.
//
// # What may be assumed of an Info
//
// Every *ast.Identifier that is a reference or a binding target is a key of
// Refs, and &PropertyShort.Name is one for the shorthand properties. A nil
// Binding is a global name. Functions has every function literal, arrow, field
// initialiser and static block.
package scope
