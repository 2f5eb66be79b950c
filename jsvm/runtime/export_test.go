package runtime

// PlayRandomBranches is for the tests that run compiled workflows.
var PlayRandomBranches = playRandomBranches
