package ir

import "github.com/dop251/goja/ast"

// Exception is the identifier that holds what was thrown, at the start of a
// handler block.
const Exception = "%x"

// Sent is the identifier of the value that a resumption brings.
const Sent = "%v"

// Mode is the identifier of how a resumption goes on: ModeNext and so on.
const Mode = "%m"

// The modes of a resumption, part of the frame protocol.
const (
	ModeNext   = 0
	ModeThrow  = 1
	ModeReturn = 2
)

// Function is a body in blocks.
type Function struct {
	Entry *Block
	// Blocks in the order in which they were made; Entry first.
	Blocks []*Block
	// Points are the suspensions in order. A point's number is its index + 1;
	// number 0 is the entry.
	Points []*Suspend
	// Slots are the names that may hold something across a suspension, in order of
	// declaration.
	Slots []string
	// Params are the slots that are filled before the function starts. Liveness
	// leaves only those that are read.
	Params []string
}

// Block is a straight piece of code.
type Block struct {
	Body []ast.Statement
	Term Terminator
	// Handler gets control when the block throws; nil: the function throws.
	Handler *Block
	// Exits are the jumps out of the middle of Body.
	Exits map[*ast.BlockStatement]*Block
	// IsHandler: entered with Exception set.
	IsHandler bool
	index     int
	live      live
}

// Terminator ends a block.
type Terminator interface{ terminator() }

// Jump goes on at To.
type Jump struct{ To *Block }

// Branch goes on at Then if Cond is truthy, else at Else.
type Branch struct {
	Cond       ast.Expression
	Then, Else *Block
}

// SuspendKind is what a suspension waits for.
type SuspendKind uint8

// The kinds of suspension.
const (
	Await SuspendKind = iota
	Yield
	// Delegate passes a result of the inner iterator of `yield*` through.
	Delegate
	// Start is where a generator waits for its first next() when its parameters
	// had to be evaluated first.
	Start
)

// String is the name of the kind in point keys.
func (k SuspendKind) String() string {
	return [...]string{"await", "yield", "yield*", "start"}[k]
}

// Suspend gives up control with Operand, to come back at Resume.
type Suspend struct {
	Kind    SuspendKind
	Operand ast.Expression
	Resume  *Block
	// Node is the await or yield in the source, nil for implied ones.
	Node ast.Node
	// Saved are the slots to save, in order; filled by Liveness.
	Saved []string
}

// Return completes the function.
type Return struct{ Value ast.Expression }

// Throw throws.
type Throw struct{ Value ast.Expression }

func (*Jump) terminator()    {}
func (*Branch) terminator()  {}
func (*Suspend) terminator() {}
func (*Return) terminator()  {}
func (*Throw) terminator()   {}

// NewBlock adds a block.
func (f *Function) NewBlock(handler *Block) *Block {
	b := &Block{Handler: handler, index: len(f.Blocks)}
	f.Blocks = append(f.Blocks, b)
	return b
}

// Successors calls visit for each block that may run after b, handlers and
// resumptions included.
func (b *Block) Successors(visit func(*Block)) {
	switch t := b.Term.(type) {
	case *Jump:
		visit(t.To)
	case *Branch:
		visit(t.Then)
		visit(t.Else)
	case *Suspend:
		visit(t.Resume)
	}
	for _, exit := range b.sortedExits() {
		visit(exit)
	}
	if b.Handler != nil {
		visit(b.Handler)
	}
}

// sortedExits is in the order of the blocks' making: maps have none.
func (b *Block) sortedExits() []*Block {
	if len(b.Exits) == 0 {
		return nil
	}
	seen := map[*Block]bool{}
	for _, to := range b.Exits {
		seen[to] = true
	}
	list := make([]*Block, 0, len(seen))
	for to := range seen {
		list = append(list, to)
	}
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].index < list[j-1].index; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}

// thread follows empty blocks that only jump on. Nothing in them can throw, so
// their handlers don't matter.
func thread(b *Block) *Block {
	for range 1000 {
		jump, ok := b.Term.(*Jump)
		if !ok || len(b.Body) > 0 || b.IsHandler {
			break
		}
		b = jump.To
	}
	return b
}

// Prune shortens jumps over empty blocks, drops the blocks that nothing reaches,
// and numbers points anew.
func (f *Function) Prune() {
	for _, b := range f.Blocks {
		switch t := b.Term.(type) {
		case *Jump:
			t.To = thread(t.To)
		case *Branch:
			t.Then, t.Else = thread(t.Then), thread(t.Else)
		}
		for placeholder, to := range b.Exits {
			b.Exits[placeholder] = thread(to)
		}
	}
	reached := map[*Block]bool{}
	var visit func(*Block)
	work := []*Block{f.Entry}
	visit = func(b *Block) {
		if !reached[b] {
			reached[b] = true
			work = append(work, b)
		}
	}
	reached[f.Entry] = true
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		b.Successors(visit)
	}
	kept := f.Blocks[:0]
	f.Points = nil
	for _, b := range f.Blocks {
		if !reached[b] {
			continue
		}
		b.index = len(kept)
		kept = append(kept, b)
	}
	f.Blocks = kept
	for _, b := range f.Blocks {
		if s, ok := b.Term.(*Suspend); ok {
			f.Points = append(f.Points, s)
		}
	}
}
