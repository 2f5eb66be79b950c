package ir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

var b = syntax.Builder{}

// code parses statements, and expr an expression.
func code(t *testing.T, text string) []ast.Statement {
	t.Helper()
	program, err := goja.Parse("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return program.Body
}

func expr(t *testing.T, text string) ast.Expression {
	t.Helper()
	return code(t, "("+text+")")[0].(*ast.ExpressionStatement).Expression
}

// suspend ends a block and starts the one after it.
func suspend(t *testing.T, f *ir.Function, from *ir.Block, operand string) (*ir.Block, *ir.Suspend) {
	to := f.NewBlock(from.Handler)
	s := &ir.Suspend{Operand: expr(t, operand), Resume: to}
	from.Term = s
	return to, s
}

func finish(f *ir.Function) { f.Prune(); f.Liveness() }

func saved(t *testing.T, s *ir.Suspend, want string) {
	t.Helper()
	if got := strings.Join(s.Saved, " "); got != want {
		t.Errorf("saved %q, want %q", got, want)
	}
}

func TestOnlyWhatIsReadAgainIsSaved(t *testing.T) {
	f := &ir.Function{Slots: []string{"a", "b", "c", "d"}, Params: []string{"a", "d"}}
	f.Entry = f.NewBlock(nil)
	f.Entry.Body = code(t, "b = a; c = 1;")
	next, s := suspend(t, f, f.Entry, "b")
	next.Body = code(t, "c = a; [d, b = c] = x; d;")
	next.Term = &ir.Return{Value: expr(t, "b")}
	finish(f)
	saved(t, s, "a")
	if !slices.Equal(f.Params, []string{"a"}) {
		t.Errorf("params %v", f.Params)
	}
}

func TestAConditionalWriteKeepsTheOldValueAlive(t *testing.T) {
	f := &ir.Function{Slots: []string{"a"}}
	f.Entry = f.NewBlock(nil)
	next, s := suspend(t, f, f.Entry, "0")
	next.Body = code(t, "if (x) a = 1; x && (a = 2);")
	next.Term = &ir.Return{Value: expr(t, "a")}
	finish(f)
	saved(t, s, "a")
}

// A loop reads in the next round what the last one wrote.
func TestALoopKeepsWhatTheNextRoundReads(t *testing.T) {
	f := &ir.Function{Slots: []string{"sum", "step", "i"}}
	f.Entry = f.NewBlock(nil)
	head := f.NewBlock(nil)
	f.Entry.Term = &ir.Jump{To: head}
	body, after := f.NewBlock(nil), f.NewBlock(nil)
	head.Term = &ir.Branch{Cond: expr(t, "i < 3"), Then: body, Else: after}
	body.Body = code(t, "step = i * 2;")
	back, s := suspend(t, f, body, "step")
	back.Body = code(t, "sum += step; i++;")
	back.Term = &ir.Jump{To: head}
	after.Term = &ir.Return{Value: expr(t, "sum")}
	finish(f)
	saved(t, s, "sum step i")
}

// A handler may be entered before a block's own write has happened.
func TestWhatAHandlerReadsIsAliveInAllOfItsRegion(t *testing.T) {
	f := &ir.Function{Slots: []string{"a"}}
	f.Entry = f.NewBlock(nil)
	handler := f.NewBlock(nil)
	handler.IsHandler = true
	handler.Term = &ir.Return{Value: expr(t, "a")}
	next, s := suspend(t, f, f.Entry, "0")
	next.Handler = handler
	next.Body = code(t, "g(); a = 1;")
	next.Term = &ir.Return{Value: b.Undefined()}
	finish(f)
	saved(t, s, "a")
}

func TestWhatAnExitReadsIsAliveBeforeTheBlocksWrites(t *testing.T) {
	f := &ir.Function{Slots: []string{"a"}}
	f.Entry = f.NewBlock(nil)
	out := f.NewBlock(nil)
	out.Term = &ir.Return{Value: expr(t, "a")}
	next, s := suspend(t, f, f.Entry, "0")
	placeholder := b.Block()
	next.Body = append([]ast.Statement{b.If(expr(t, "x"), placeholder)}, code(t, "a = 1;")...)
	next.Exits = map[*ast.BlockStatement]*ir.Block{placeholder: out}
	next.Term = &ir.Return{Value: b.Undefined()}
	finish(f)
	saved(t, s, "a")
}

func TestPruneDropsWhatNothingReachesAndShortensJumps(t *testing.T) {
	f := &ir.Function{}
	f.Entry = f.NewBlock(nil)
	empty, end, dead := f.NewBlock(nil), f.NewBlock(nil), f.NewBlock(nil)
	f.Entry.Term = &ir.Jump{To: empty}
	empty.Term = &ir.Jump{To: end}
	end.Term = &ir.Return{Value: b.Undefined()}
	_, _ = suspend(t, f, dead, "0")
	f.Prune()
	if f.Entry.Term.(*ir.Jump).To != end || len(f.Blocks) != 2 || len(f.Points) != 0 {
		t.Errorf("%d blocks, %d points", len(f.Blocks), len(f.Points))
	}
}
