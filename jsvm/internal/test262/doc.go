// Package test262 reads the public conformance suite of ECMAScript.
//
// A suite is a directory with the layout of the suite's own repository: test/ has the tests, harness/ the files that
// they include. What the front matter of a test means is said in the suite's INTERPRETING.md. This package knows no
// engine; how a test is run is for package jsvm's tests to say, and what a checkout without a network is made of for
// the command reshape below it.
package test262
