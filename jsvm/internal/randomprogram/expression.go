package randomprogram

import "fmt"

// mode is the form of a function.
type mode int

const (
	inAsync mode = iota
	inPlain
	inGenerator
)

// wait is x after a suspension, where there can be one.
func (g *generator) wait(x string) string {
	switch g.mode {
	case inAsync:
		return "await id(" + x + ")"
	case inGenerator:
		return "(yield " + x + ")"
	}
	return "same(" + x + ")"
}

func (g *generator) pause() string {
	return map[mode]string{inAsync: "await null", inGenerator: "yield 'pause'"}[g.mode]
}

// called is a call of a function that may be async.
func (g *generator) called(call string) string {
	if g.mode == inAsync {
		return "await " + call
	}
	return call
}

func (g *generator) expression(depth int) string {
	if depth <= 0 {
		return g.pick(g.variable(), g.variable(), "1", "2", "'s'", "null", "undefined", "true")
	}
	sub := func() string { return g.expression(depth - 1) }
	switch g.r.Intn(14) {
	case 0:
		return fmt.Sprintf("(%s)", g.wait(sub()))
	case 1:
		return fmt.Sprintf("(%s %s %s)", sub(), g.pick("+", "-", "===", "<"), sub())
	case 2:
		return fmt.Sprintf("(%s %s %s)", sub(), g.pick("&&", "||"), sub())
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", sub(), sub(), sub())
	case 4:
		return fmt.Sprintf("[%s, %s, ...[%s]]", sub(), sub(), sub())
	case 5:
		return fmt.Sprintf("({ a: %s, [`k${%s}`]: %s, ...{ z: %s } })", sub(), g.pick("1", g.wait("2")), sub(), sub())
	case 6:
		return fmt.Sprintf("show(%s)", sub())
	case 7:
		return fmt.Sprintf("`${%s}-${typeof %s}`", g.pick("1", g.wait("3"), "'t'"), sub())
	case 8:
		return fmt.Sprintf("(%s ?? %s)", sub(), sub())
	case 9:
		return fmt.Sprintf("(%s = cut(%s))", g.variable(), sub())
	case 10:
		return fmt.Sprintf("((x) => [x, %s])(%s)", g.variable(), sub())
	case 11:
		return fmt.Sprintf("(%s)?.length", sub())
	case 12:
		if g.mode != inAsync {
			return sub()
		}
		return fmt.Sprintf("(await (async (x, y = x) => { await null; return [x, y, %s]; })(%s))", g.variable(), sub())
	default:
		return sub()
	}
}
