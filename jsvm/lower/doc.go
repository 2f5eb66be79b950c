// Package lower rewrites a script so that everything that can be alive at a
// suspension is plain data.
//
// Two things are taken apart:
//
//   - closures. A function that uses variables of the functions around it is
//     made by a factory at module level from an environment object; see function.go.
//   - async functions and generators. Their bodies become basic blocks of package
//     ir, and what was a call of theirs makes a frame; see machine.go. Each file
//     named lower_… has one construct, with what becomes of it above the code.
//
// Statements and expressions without a suspension stay as they are, but for
// their references to captured variables (native_….go).
//
// # Assumptions
//
// Package scope has analysed the same tree; the tree is used up. The output is
// strict code.
//
// # Conventions of the output
//
//	%e        environment in which the running function was made
//	%e_x      environment object of a scope, named for its first variable
//	%t1       temporary
//	%M        module environment: module variables that functions reassign
//	%T        template objects of tagged templates
//	%F7       factory of function or class 7; %I7 its static initialiser
//	%f %v %m  frame, value sent, mode: parameters of a step function
//	%c        in the factory of a class, the class
//	%g        in a factory, the async function or generator that it makes
//	%probe    true while the codec asks closures for their environments
//
// Other names with % are functions of the kernel, see Kernel.
package lower
