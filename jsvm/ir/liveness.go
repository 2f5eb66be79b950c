package ir

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// live has a block's sets of slots, as bits.
type live struct {
	use bits // read before any write
	def bits // written before any read
	in  bits
}

type bits []uint64

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) add(i int)      { b[i/64] |= 1 << (i % 64) }

// Liveness fills Suspend.Saved by the usual backward data flow:
//
//	out(b) = union of in(s) over the successors
//	in(b)  = use(b) ∪ (out(b) − def(b)) ∪ in(handler of b)
//
// A handler may be entered from the middle of a block, before its writes; so
// what is live there is live in all of the block, whatever the block writes.
// Writes count only as whole statements `slot = …` (or a pattern of slots), for
// anything else may not be reached.
func (f *Function) Liveness() {
	index := make(map[string]int, len(f.Slots))
	for i, name := range f.Slots {
		index[name] = i
	}
	words := (len(f.Slots) + 63) / 64
	fresh := func() bits { return make(bits, words) }
	for _, b := range f.Blocks {
		scan := &scanner{index: index, use: fresh(), def: fresh()}
		for _, s := range b.Body {
			scan.statement(s)
		}
		switch t := b.Term.(type) {
		case *Branch:
			scan.read(t.Cond)
		case *Suspend:
			scan.read(t.Operand)
		case *Return:
			scan.read(t.Value)
		case *Throw:
			scan.read(t.Value)
		}
		b.live = live{use: scan.use, def: scan.def, in: fresh()}
	}
	for changed := true; changed; {
		changed = false
		for i := len(f.Blocks) - 1; i >= 0; i-- {
			b := f.Blocks[i]
			// An exit leaves before the block's later writes, so what is live
			// there is kept like what is live in a handler.
			for w := range words {
				var out, always uint64
				switch t := b.Term.(type) {
				case *Jump:
					out = t.To.live.in[w]
				case *Branch:
					out = t.Then.live.in[w] | t.Else.live.in[w]
				case *Suspend:
					out = t.Resume.live.in[w]
				}
				for _, exit := range b.Exits {
					always |= exit.live.in[w]
				}
				if b.Handler != nil {
					always |= b.Handler.live.in[w]
				}
				in := b.live.use[w] | out&^b.live.def[w] | always
				if in != b.live.in[w] {
					b.live.in[w] = in
					changed = true
				}
			}
		}
	}
	for _, s := range f.Points {
		s.Saved = nil
		for i, name := range f.Slots {
			if s.Resume.live.in.has(i) {
				s.Saved = append(s.Saved, name)
			}
		}
	}
	live := f.Entry.live.in
	params := f.Params[:0]
	for _, name := range f.Params {
		if i, ok := index[name]; ok && live.has(i) {
			params = append(params, name)
		}
	}
	f.Params = params
}

// scanner collects the uses and definitions of one block in order.
type scanner struct {
	index    map[string]int
	use, def bits
}

func (s *scanner) readName(name string) {
	if i, ok := s.index[name]; ok && !s.def.has(i) {
		s.use.add(i)
	}
}

func (s *scanner) writeName(name string) {
	if i, ok := s.index[name]; ok && !s.use.has(i) {
		s.def.add(i)
	}
}

func (s *scanner) statement(st ast.Statement) {
	do, ok := st.(*ast.ExpressionStatement)
	if !ok {
		s.read(st)
		return
	}
	s.expression(do.Expression)
}

func (s *scanner) expression(e ast.Expression) {
	switch e := e.(type) {
	case *ast.AssignExpression:
		if e.Operator == token.ASSIGN && isTarget(e.Left) {
			s.read(e.Right)
			s.targetReads(e.Left)
			s.targetWrites(e.Left)
			return
		}
	case *ast.SequenceExpression:
		for _, item := range e.Sequence {
			s.expression(item)
		}
		return
	}
	s.read(e)
}

func isTarget(e ast.Expression) bool {
	switch e.(type) {
	case *ast.Identifier, *ast.ArrayPattern, *ast.ObjectPattern:
		return true
	}
	return false
}

// read notes every identifier below n that is not merely written.
func (s *scanner) read(n ast.Node) {
	syntax.Walk(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Identifier:
			s.readName(n.Name.String())
		case *ast.AssignExpression:
			if n.Operator == token.ASSIGN && isTarget(n.Left) {
				s.read(n.Right)
				s.targetReads(n.Left)
				return false
			}
		case *ast.PropertyKeyed:
			if !n.Computed {
				if _, ok := n.Key.(*ast.Identifier); ok {
					s.read(n.Value)
					return false
				}
			}
		}
		return true
	})
}

// targetReads notes what evaluating an assignment's target reads: objects, keys
// and default values.
func (s *scanner) targetReads(target ast.Node) {
	if syntax.IsNil(target) {
		return
	}
	switch t := target.(type) {
	case *ast.Identifier:
	case *ast.ArrayPattern:
		for _, e := range t.Elements {
			s.targetReads(e)
		}
		s.targetReads(t.Rest)
	case *ast.ObjectPattern:
		for _, p := range t.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				s.read(p.Initializer)
			case *ast.PropertyKeyed:
				s.read(p.Key)
				s.targetReads(p.Value)
			}
		}
		s.targetReads(t.Rest)
	case *ast.AssignExpression:
		s.read(t.Right)
		s.targetReads(t.Left)
	default:
		s.read(target)
	}
}

func (s *scanner) targetWrites(target ast.Node) {
	if syntax.IsNil(target) {
		return
	}
	switch t := target.(type) {
	case *ast.Identifier:
		s.writeName(t.Name.String())
	case *ast.ArrayPattern:
		for _, e := range t.Elements {
			s.targetWrites(e)
		}
		s.targetWrites(t.Rest)
	case *ast.ObjectPattern:
		for _, p := range t.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				s.writeName(p.Name.Name.String())
			case *ast.PropertyKeyed:
				s.targetWrites(p.Value)
			}
		}
		s.targetWrites(t.Rest)
	case *ast.AssignExpression:
		s.targetWrites(t.Left)
	}
}
