//go:build invariants

package jsvm

func init() { readsAllDescriptors = true }
