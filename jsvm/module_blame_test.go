package jsvm

import "testing"

// Only what a package's code tried is blamed on what packages have made.
func TestChangesByTheAuthorAreNotBlamedOnPackages(t *testing.T) {
	b := compilePackages(t, `import { Schema } from "lent"; const schema: any = new Schema(() => 1);
		export default async function main() { const mine: any = Object.freeze({ calls: 1 }); await null; mine.calls = 2; return schema }`, "lent", lentPackage)
	threeWaysRestored(t, b, "! TypeError: Cannot assign to read only property 'calls'\n")
}
