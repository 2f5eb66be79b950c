package jsvm

// Input is one event for one thread.
type Input struct {
	Thread string // the thread's key, W.threadId
	StepID uint64 // never reused in a cluster; W.stepId as decimal text
	// Continuation is what the thread's last step returned; nil starts a thread.
	Continuation []byte
	// Event is the JSON argument of the entry function for a start, and
	// {"ref", "value"} or {"ref", "error"} otherwise.
	Event []byte
	// Previous is the JSON of the entry function's second argument; nil is undefined.
	Previous []byte
}

// Effects are the outcome of a step. They take effect together or not at all.
type Effects struct {
	Continuation []byte   // nil: the thread has ended
	Refs         []string // ids of the pending waits, in the order of their making
	Outputs      []Output // in the order written, the result or error record last
	Logs         []LogLine
	// ResultTopic and ErrorTopic are where the thread's results and errors go, as it has configured them.
	ResultTopic, ErrorTopic string
}

// Output is a record for a topic.
type Output struct {
	Topic, Key string
	Value      []byte
}

// LogLine is what the workflow wrote to its console.
type LogLine struct{ Level, Text string }
