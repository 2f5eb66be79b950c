package jsvm

import "time"

// Limits bound one step. A zero field means its default.
type Limits struct {
	StepWall             time.Duration // default 10 s
	ContinuationBytesMax int           // default 8 MiB
	OutputsMax           int           // records; default 10 000
	OutputBytesMax       int           // keys and values together; default 16 MiB
	HeapGrowthBytesMax   int           // of the whole process while the step runs; default 1 GiB
	LogBytesMax          int           // console lines together, the rest is dropped; default 64 KiB
	CallDepthMax         int           // nested calls; default 6000
}

// Defaults of Limits.
const (
	StepWallDefault             = 10 * time.Second
	ContinuationBytesMaxDefault = 8 << 20
	OutputsMaxDefault           = 10_000
	OutputBytesMaxDefault       = 16 << 20
	HeapGrowthBytesMaxDefault   = 1 << 30
	LogBytesMaxDefault          = 64 << 10
	CallDepthMaxDefault         = 6000
)

func (l Limits) withDefaults() Limits {
	set(&l.StepWall, StepWallDefault)
	set(&l.ContinuationBytesMax, ContinuationBytesMaxDefault)
	set(&l.OutputsMax, OutputsMaxDefault)
	set(&l.OutputBytesMax, OutputBytesMaxDefault)
	set(&l.HeapGrowthBytesMax, HeapGrowthBytesMaxDefault)
	set(&l.LogBytesMax, LogBytesMaxDefault)
	set(&l.CallDepthMax, CallDepthMaxDefault)
	return l
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
