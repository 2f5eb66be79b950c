// Package printer writes a syntax tree as JavaScript, for people: golden tests,
// and users who want to see what became of their function (`kont compile`). Nothing runs the
// text.
//
// Names that the compiler made up are not valid JavaScript; '%' and '#' in them
// are printed as '$' and '_'. Parentheses are put where precedence asks for
// them, so that the text means what the tree means.
package printer
