package emit

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// Labels and locals of a step function.
const (
	jumpLabel  = "%L"
	tryLabel   = "%O"
	blockName  = "%b"
	savedName  = "%s"
	frameName  = "%f"
	caughtName = "%c"
	againLabel = "%A"
	envName    = "%e"
)

// Step makes the step function of f. handlers is the name of the handler table,
// which is the second result: by block number, the number of the block that
// handles what it throws, 0 for none; nil if the function has no handlers.
func Step(f *ir.Function, at ast.Node, handlersName string) (*ast.FunctionLiteral, []int) {
	e := &emitter{f: f, b: syntax.At(at), number: map[*ir.Block]int{}, placeholders: map[*ast.BlockStatement]*ir.Block{}}
	e.enumerate()
	leaves := make([][]ast.Statement, len(e.leaders))
	for i, block := range e.leaders {
		leaves[i] = e.block(block)
	}
	for placeholder, to := range e.placeholders {
		placeholder.List = e.jump(to)
	}
	body := e.decide(leaves, 0)
	handlers := e.handlers()
	if e.jumps || handlers != nil {
		body = []ast.Statement{e.b.Forever(jumpLabel, body...)}
	}
	if handlers != nil {
		body = []ast.Statement{e.b.Forever(tryLabel, e.guarded(body, handlersName))}
	}
	return e.b.Function("", e.b.Params(frameName, ir.Sent, ir.Mode), append(e.head(body), body...)...), handlers
}

type emitter struct {
	f       *ir.Function
	b       syntax.Builder
	leaders []*ir.Block
	number  map[*ir.Block]int
	// points has the suspension that a resume block comes back from.
	points       map[*ir.Block]*ir.Suspend
	placeholders map[*ast.BlockStatement]*ir.Block
	jumps        bool
	// current is the leader whose code is being made; loops is set when that code goes back to its start.
	current *ir.Block
	loops   bool
}

// enumerate numbers the blocks that control can come to from elsewhere than the
// end of one block before: the entry, resume points, handlers, targets of exits
// and joins. A block under another handler than its predecessor counts too, for
// the handler table is by number. A short block that several others lead to is none: each has a copy (copies.go).
func (e *emitter) enumerate() {
	e.points = map[*ir.Block]*ir.Suspend{}
	leads := map[*ir.Block]bool{}
	arrivals := map[*ir.Block]int{}
	arrive := func(from, to *ir.Block) {
		arrivals[to]++
		if arrivals[to] > 1 || from.Handler != to.Handler || to == e.f.Entry {
			leads[to] = true
		}
	}
	e.add(e.f.Entry)
	for _, point := range e.f.Points {
		e.points[point.Resume] = point
		e.add(point.Resume)
	}
	for _, b := range e.f.Blocks {
		switch t := b.Term.(type) {
		case *ir.Jump:
			arrive(b, t.To)
		case *ir.Branch:
			arrive(b, t.Then)
			arrive(b, t.Else)
		}
		for _, to := range b.Exits {
			leads[to] = true
		}
		if b.Handler != nil {
			leads[b.Handler] = true
		}
	}
	e.dropCopied(leads)
	for _, b := range e.f.Blocks {
		if _, done := e.number[b]; leads[b] && !done {
			e.add(b)
		}
	}
}

func (e *emitter) add(b *ir.Block) {
	e.number[b] = len(e.leaders)
	e.leaders = append(e.leaders, b)
}

// head declares the slots and reads the frame.
func (e *emitter) head(body []ast.Statement) []ast.Statement {
	b := e.b
	var list []ast.Statement
	used := map[string]bool{}
	for _, s := range body {
		syntax.Walk(s, func(n ast.Node) bool {
			if id, ok := n.(*ast.Identifier); ok {
				used[id.Name.String()] = true
			}
			return true
		})
	}
	names := []string{}
	for _, slot := range e.f.Slots {
		if used[slot] {
			names = append(names, slot)
			used[slot] = false // a slot may be listed twice
		}
	}
	if used[ir.Exception] {
		names = append(names, ir.Exception)
	}
	if len(names) > 0 {
		list = append(list, b.Lets(names))
	}
	if used[envName] {
		list = append(list, b.Const(envName, b.Dot(b.ID(frameName), "e")))
	}
	if used[blockName] {
		list = append(list, b.Let(blockName, b.Dot(b.ID(frameName), "pc")))
	}
	if used[savedName] {
		list = append(list, b.Const(savedName, b.Dot(b.ID(frameName), "s")))
	}
	return append(list, b.Do(b.Assign(b.Dot(b.ID(frameName), "s"), b.Undefined())))
}

// guarded is the try statement around the jumps.
func (e *emitter) guarded(body []ast.Statement, handlersName string) ast.Statement {
	b := e.b
	return &ast.TryStatement{Try: b.At, Body: b.Block(body...), Catch: &ast.CatchStatement{
		Catch:     b.At,
		Parameter: b.ID(caughtName),
		Body: b.Block(
			b.Set(blockName, b.Index(b.ID(handlersName), b.ID(blockName))),
			b.If(b.Same(b.ID(blockName), b.Number(0)), b.Throw(b.ID(caughtName))),
			b.Set(ir.Exception, b.ID(caughtName)),
		),
	}}
}

func (e *emitter) handlers() []int {
	table := make([]int, len(e.leaders))
	any := false
	for i, b := range e.leaders {
		if b.Handler != nil {
			table[i] = e.number[b.Handler]
			any = true
		}
	}
	if !any {
		return nil
	}
	return table
}

// decide finds a block by its number, first being that of leaves[0].
func (e *emitter) decide(leaves [][]ast.Statement, first int) []ast.Statement {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := len(leaves) / 2
	test := e.b.Binary(token.LESS, e.b.ID(blockName), e.b.Number(first+half))
	return []ast.Statement{e.b.IfElse(test, e.decide(leaves[:half], first), e.decide(leaves[half:], first+half))}
}

// block is the code of a leader, restored slots first.
func (e *emitter) block(b *ir.Block) []ast.Statement {
	var list []ast.Statement
	saved := []string(nil)
	if point := e.points[b]; point != nil {
		saved = point.Saved
	} else if b == e.f.Entry {
		saved = e.f.Params
	}
	for i, slot := range saved {
		list = append(list, e.b.Set(slot, e.b.Index(e.b.ID(savedName), e.b.Number(i))))
	}
	e.current, e.loops = b, false
	code := e.code(b)
	if e.loops {
		code = []ast.Statement{e.b.Forever(againLabel, code...)}
	}
	return append(list, code...)
}

func (e *emitter) code(b *ir.Block) []ast.Statement {
	for placeholder, to := range b.Exits {
		e.placeholders[placeholder] = to
	}
	list := append([]ast.Statement(nil), b.Body...)
	switch t := b.Term.(type) {
	case *ir.Jump:
		list = append(list, e.goOn(t.To)...)
	case *ir.Branch:
		list = append(list, e.b.IfElse(t.Cond, e.goOn(t.Then), e.goOn(t.Else)))
	case *ir.Suspend:
		list = append(list, e.suspend(t)...)
	case *ir.Return:
		list = append(list, syntax.At(t.Value).Return(t.Value))
	case *ir.Throw:
		list = append(list, syntax.At(t.Value).Throw(t.Value))
	}
	return list
}

// goOn continues with a block: in place if nothing else leads there.
func (e *emitter) goOn(to *ir.Block) []ast.Statement {
	if _, leader := e.number[to]; !leader {
		return e.code(to)
	}
	if to == e.current && e.points[to] == nil && to != e.f.Entry {
		e.loops = true
		return []ast.Statement{e.b.Continue(againLabel)}
	}
	return e.jump(to)
}

func (e *emitter) jump(to *ir.Block) []ast.Statement {
	e.jumps = true
	return []ast.Statement{e.b.Set(blockName, e.b.Number(e.number[to])), e.b.Continue(jumpLabel)}
}

// savedInPlaceMax is up to how many slots are written into the array that they came from: a store takes a tenth of making an array.
const savedInPlaceMax = 8

// saved is the array of a suspension's slots: the one that the function was resumed with, which nobody else has, if it is as long.
//
//	%s.length === 2 ? (%s[0] = a, %s[1] = b, %s) : [a, b]
func (e *emitter) saved(b syntax.Builder, slots []string) ast.Expression {
	var items, stores []ast.Expression
	for i, slot := range slots {
		items = append(items, b.ID(slot))
		stores = append(stores, b.Assign(b.Index(b.ID(savedName), b.Number(i)), b.ID(slot)))
	}
	fresh := b.Array(items...)
	if len(slots) == 0 || len(slots) > savedInPlaceMax {
		return fresh
	}
	return b.Conditional(b.Same(b.Dot(b.ID(savedName), "length"), b.Number(len(slots))), b.Sequence(append(stores, b.ID(savedName))...), fresh)
}

func (e *emitter) suspend(t *ir.Suspend) []ast.Statement {
	b := e.b
	if t.Node != nil {
		b = syntax.At(t.Node)
	}
	signal := "%AWAIT"
	switch t.Kind {
	case ir.Yield, ir.Start:
		signal = "%YIELD"
	case ir.Delegate:
		signal = "%DELEGATE"
	}
	set := func(field string, value ast.Expression) ast.Statement {
		return b.Do(b.Assign(b.Dot(b.ID(frameName), field), value))
	}
	return []ast.Statement{
		set("a", t.Operand),
		set("s", e.saved(b, t.Saved)),
		set("pc", b.Number(e.number[t.Resume])),
		b.Return(b.ID(signal)),
	}
}
