package jsvm

import (
	"fmt"
	"strings"

	"kont/jsvm/compile"
	"kont/jsvm/continuation"
)

// frameKey tells frames that move alike.
type frameKey struct {
	function continuation.FunctionID
	point    string
	slots    string
}

// frameMove is what becomes of a frame's point and slots.
type frameMove struct {
	point string
	slots []string
	from  []int // index of the old slot of each new one
}

func keyOfFrame(function continuation.FunctionID, point string, slots []string) frameKey {
	return frameKey{function, point, strings.Join(slots, "\x00")}
}

// nodes looks at everything in the graph that the code of a function reads.
func (f *fitting) nodes() {
	f.frames = map[frameKey]frameMove{}
	for i := range f.graph.Nodes {
		n := &f.graph.Nodes[i]
		switch n.Kind {
		case continuation.Frame, continuation.Closure, continuation.Class:
		default:
			continue
		}
		id := f.ids[n.Function]
		if id < 0 {
			continue
		}
		to := f.match(id).id
		if to < 0 {
			continue
		}
		at := FitProblem{Kind: FitEnvironment, Function: pathOf(f.from.manifest.Functions[id].Key), From: f.from.at(id), To: f.to.at(to)}
		env := continuation.Value{}
		if n.Kind == continuation.Frame {
			env = f.graph.Items(n)[0]
			if !f.frame(n, id, to, &at) {
				continue // it waits for nothing any more
			}
			at.Kind = FitEnvironment
		} else {
			env = f.graph.Birth(n)[0]
		}
		f.around(at, env, f.from.Functions[id].Around, f.to.Functions[to].Around)
		for _, level := range f.from.Functions[id].Around {
			f.left(at, id, to, level.Fields, f.to.Functions[to].Around)
		}
	}
}

// frame finds the resume point and the slots of a frame, and puts its position into at. It reports whether the frame
// can still run.
func (f *fitting) frame(n *continuation.Node, id, to int, at *FitProblem) bool {
	g := f.graph
	point := g.Text(n.Text)
	var slots []string
	for _, k := range g.Shapes[n.Slots].Keys {
		name := ""
		if k.Kind == continuation.String {
			name = g.Text(continuation.StringID(k.N))
		}
		slots = append(slots, name)
	}
	key := keyOfFrame(n.Function, point, slots)
	if point == pointFinished {
		f.frames[key] = frameMove{point: point}
		return false
	}
	pc := f.fromBundle.layout.functions[id].point(point)
	if pc < 0 {
		f.problem(FitProblem{Kind: FitAwait, Function: at.Function, From: at.From, Text: "its own bundle has no resume point " + point, Hint: "it belongs to another bundle"})
		return true
	}
	at.Kind, at.From = FitAwait, f.from.point(id, pc)
	newPC, why, hint := f.point(id, pc, to)
	if newPC < 0 {
		problem := *at
		problem.Text, problem.Hint = why, hint
		f.problem(problem)
		return true
	}
	at.To = f.to.point(to, newPC)
	f.report.Frames = append(f.report.Frames, FrameFit{Function: at.Function, Label: f.from.manifest.Functions[id].Points[pc].Label, From: at.From, To: at.To})
	if _, known := f.frames[key]; !known {
		f.frames[key] = f.slots(n, id, pc, to, newPC, slots, *at)
		f.kept(id, pc, to, newPC, *at)
	}
	for i, slot := range f.from.Functions[id].Points[pc].Slots {
		if slot.Env == nil {
			continue
		}
		name := f.fromBundle.layout.functions[id].points[pc].slots[i]
		for j, new := range f.frames[key].slots {
			k := f.slotOf(to, newPC, new)
			if from := f.frames[key].from[j]; k >= 0 && slots[from] == name {
				problem := *at
				problem.Kind = FitEnvironment
				f.around(problem, g.Items(n)[2+from], slot.Env, f.to.Functions[to].Points[newPC].Slots[k].Env)
			}
		}
	}
	return true
}

// kept looks for variables that the continuation has and the new code takes from elsewhere, or thinks to have set.
func (f *fitting) kept(id, pc, to, newPC int, at FitProblem) {
	before, after := &f.from.Functions[id].Points[pc], &f.to.Functions[to].Points[newPC]
	var now []compile.EnvOutline
	for _, slot := range after.Slots {
		now = append(now, slot.Env...)
		now = append(now, compile.EnvOutline{Fields: []compile.VariableOutline{slot.Variable}})
	}
	for _, slot := range before.Slots {
		if slot.Env != nil {
			f.left(at, id, to, slot.Env[0].Fields, now)
		} else if slot.Variable.Name != "" {
			f.left(at, id, to, []compile.VariableOutline{slot.Variable}, now)
		}
	}
	if f.from.Functions[id].Own == f.to.Functions[to].Own {
		return
	}
	f.crossed(id, pc, to, newPC, at)
	for variable := range before.Later {
		if after.Earlier[variable] {
			name, _, _ := strings.Cut(variable, "\n")
			at.Kind, at.Text, at.Hint = FitVariable, fmt.Sprintf("`%s` is set before the await now, and was to be set after it", name), "leave it where it was"
			f.problem(at)
		}
	}
}

// crossed looks for waits that the thread has passed and would meet again, or has not met and would pass over.
func (f *fitting) crossed(id, pc, to, newPC int, at FitProblem) {
	before, after := f.from.Functions[id].Points, f.to.Functions[to].Points
	if before[pc].Offset == 0 || after[newPC].Offset == 0 {
		return
	}
	for other := range before {
		if other == pc || before[other].Offset == 0 {
			continue
		}
		now, _, _ := f.point(id, other, to)
		if now < 0 || now == newPC || after[now].Offset == 0 {
			continue
		}
		was, is := before[other].Offset < before[pc].Offset, after[now].Offset < after[newPC].Offset
		place := fmt.Sprintf("the wait at %s", f.from.point(id, other))
		at.Kind, at.Hint = FitAwait, "keep the order of the awaits"
		switch {
		case was && !is:
			at.Text = place + " is before this one, and behind it now: it would come again"
			f.problem(at)
		case !was && is:
			at.Text = place + " is behind this one, and before it now: it would be left out"
			f.problem(at)
		}
	}
}

// left looks for variables that were a function's and are declared outside of all functions now: their values would be lost.
func (f *fitting) left(at FitProblem, id, to int, were []compile.VariableOutline, now []compile.EnvOutline) {
	for _, v := range were {
		isKept := false
		for _, level := range now {
			isKept = isKept || fieldNamed(level.Fields, v.Base) != nil
		}
		if !isKept && f.to.Functions[to].Outside[v.Base] && !f.from.Functions[id].Outside[v.Base] {
			at.Kind, at.Text, at.Hint = FitVariable, fmt.Sprintf("`%s` was a variable of the function and is one of module scope now", v.Base), "leave it in the function, or give the other one another name"
			f.problem(at)
		}
	}
}

func (f *fitting) slotOf(id, pc int, name string) int {
	for i, s := range f.toBundle.layout.functions[id].points[pc].slots {
		if s == name {
			return i
		}
	}
	return -1
}

// point finds a resume point in another build of the function.
//
// In a function whose own text is the same, the points are the same, one by one. Otherwise a label names it, or else
// the text of the statement that waits, which must be there once in each build.
func (f *fitting) point(id, pc, to int) (newPC int, why, hint string) {
	before, after := &f.from.Functions[id], &f.to.Functions[to]
	was, is := f.from.manifest.Functions[id].Points, f.to.manifest.Functions[to].Points
	if before.Own == after.Own && len(was) == len(is) {
		if was[pc].Kind == is[pc].Kind {
			return pc, "", ""
		}
	}
	if label := was[pc].Label; label != "" {
		for i := range is {
			if is[i].Label == label && is[i].Kind == was[pc].Kind {
				return i, "", ""
			}
		}
	}
	same := func(points []compile.PointOutline, described []compile.Point) (list []int) {
		for i := range points {
			if points[i].Statement == before.Points[pc].Statement && described[i].Kind == was[pc].Kind {
				list = append(list, i)
			}
		}
		return list
	}
	olds, news := same(before.Points, was), same(after.Points, is)
	what := "the statement that waits"
	if was[pc].Label != "" {
		what = fmt.Sprintf("the await labelled %q", was[pc].Label)
	}
	switch {
	case len(news) == 0 && was[pc].Kind == "start":
		return -1, "it has not begun, and its parameters changed", "keep the parameters"
	case len(news) == 0:
		return -1, what + " is not in the function any more", "keep the statement, or give its await a label before a thread waits there: `await W.label(\"name\", …)`"
	case len(olds) > 1 || len(news) > 1:
		return -1, fmt.Sprintf("%s was there %s and is there %s now, so which one is meant cannot be told", what, times(len(olds)), times(len(news))),
			"label them: `await W.label(\"name\", …)`"
	}
	return news[0], "", ""
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// slots finds a value for each slot that the new point needs.
func (f *fitting) slots(n *continuation.Node, id, pc, to, newPC int, stored []string, at FitProblem) (m frameMove) {
	before, after := &f.from.Functions[id].Points[pc], &f.to.Functions[to].Points[newPC]
	oldNames, newNames := f.fromBundle.layout.functions[id].points[pc].slots, f.toBundle.layout.functions[to].points[newPC].slots
	m.point = f.toBundle.layout.functions[to].points[newPC].key
	isSame := f.from.Functions[id].Own == f.to.Functions[to].Own
	position := map[string]int{}
	for i, name := range stored {
		position[name] = i
	}
	oldTemporaries, newTemporaries := temporaries(before.Slots), temporaries(after.Slots)
	arePaired := len(oldTemporaries) == len(newTemporaries) && (isSame || before.Place == after.Place && before.Rest == after.Rest)
	if !arePaired && len(oldTemporaries) > 0 && len(newTemporaries) == 0 {
		problem := at
		problem.Kind, problem.Text = FitVariable, "it waits amid an expression, a loop or a `finally` block that is gone, and what was kept of it would be lost"
		problem.Hint = "keep the code around the await as it was"
		f.problem(problem)
	}
	for i, name := range newNames {
		old, why := -1, ""
		slot := &after.Slots[i]
		at.Kind = FitVariable
		switch {
		case slot.Env != nil:
			old, why = environmentSlot(before.Slots, slot, oldNames, name, isSame)
			if old < 0 {
				at.Kind = FitEnvironment
			}
		case slot.Variable.Name != "":
			old, why = variableSlot(before.Slots, slot, oldNames, name, isSame)
		case arePaired:
			for j, k := range newTemporaries {
				if k == i {
					old = oldTemporaries[j]
				}
			}
		default:
			why = "it waits amid an expression or a loop whose text changed, and what was worked out so far cannot be told apart"
		}
		if old >= 0 {
			if from, ok := position[oldNames[old]]; ok {
				m.slots, m.from = append(m.slots, name), append(m.from, from)
				continue
			}
			why = fmt.Sprintf("`%s` is not in the continuation", sourceNameOr(oldNames[old]))
		}
		problem := at
		problem.Text, problem.Hint = why, "work it out again after the await, or keep the code around the await as it was"
		if at.Kind == FitEnvironment {
			problem.Hint = sharedHint
		}
		f.problem(problem)
	}
	return m
}

func sourceNameOr(name string) string {
	if source := sourceName(name); source != "" {
		return source
	}
	return name
}

// temporaries are the indexes of the slots that hold no variable and no environment.
func temporaries(slots []compile.SlotOutline) (list []int) {
	for i := range slots {
		if slots[i].Env == nil && slots[i].Variable.Name == "" {
			list = append(list, i)
		}
	}
	return list
}

// variableSlot finds the slot of a variable: in a function that is the same, by its name in the continuation; otherwise the one
// of its name that is declared in the same place, or the only one in both builds.
func variableSlot(slots []compile.SlotOutline, wanted *compile.SlotOutline, names []string, name string, isSame bool) (int, string) {
	v := &wanted.Variable
	found := -1
	for i := range slots {
		s := &slots[i]
		if s.Env != nil || s.Variable.Base != v.Base {
			continue
		}
		if isSame && names[i] == name {
			return i, ""
		}
		isIt := s.Variable.Kind == v.Kind && (s.Place == wanted.Place || s.Variable.Declared == 1 && v.Declared == 1)
		if !isIt {
			if found < 0 {
				found = -2
			}
			continue
		}
		if found >= 0 {
			return -1, fmt.Sprintf("there are several variables `%s`, and which one is meant cannot be told", v.Name)
		}
		found = i
	}
	switch found {
	case -1:
		return -1, fmt.Sprintf("the new code needs `%s` here, which the old did not keep", v.Name)
	case -2:
		return -1, fmt.Sprintf("the `%s` that the new code needs is declared otherwise than the one that was kept", v.Name)
	}
	return found, ""
}

// environmentSlot finds the slot of the environment of the same scope.
func environmentSlot(slots []compile.SlotOutline, wanted *compile.SlotOutline, names []string, name string, isSame bool) (int, string) {
	found := -1
	for i := range slots {
		if slots[i].Env != nil && isSame && names[i] == name {
			return i, ""
		}
		if slots[i].Env != nil && slots[i].Place == wanted.Place {
			if found >= 0 {
				return -1, "there are several scopes in one place"
			}
			found = i
		}
	}
	if found < 0 {
		return -1, fmt.Sprintf("`%s` is shared with a function inside now, which it was not", fieldNames(wanted.Env[0]))
	}
	return found, ""
}

func fieldNames(env compile.EnvOutline) string {
	var names []string
	for _, field := range env.Fields {
		if name := sourceName(field.Name); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, "`, `")
}

const sharedHint = "leave what functions inside share as it was, or pass the value as an argument"

// around compares the environments that a function has with those that its new code expects, level by level: both in the two
// sources, and in the objects that are stored.
func (f *fitting) around(at FitProblem, env continuation.Value, was, is []compile.EnvOutline) {
	if len(is) == 0 {
		return
	}
	at.Hint = sharedHint
	if len(was) != len(is) {
		at.Text = fmt.Sprintf("it shares variables of %s around it, and of %s before", scopes(len(is)), scopes(len(was)))
		f.problem(at)
		return
	}
	for level := range is {
		if env.Kind == continuation.Named {
			return // made as the module loaded: the new one has what the new code needs
		}
		node := (*continuation.Node)(nil)
		if env.Kind == continuation.Reference {
			node = &f.graph.Nodes[env.Node()]
		}
		for _, field := range is[level].Fields {
			old := fieldNamed(was[level].Fields, field.Base)
			in := inspector{graph: f.graph}
			isStored := false
			if node != nil && old != nil {
				_, isStored = in.field(node, old.Name)
			}
			switch {
			case old == nil || !isStored:
				at.Text = fmt.Sprintf("`%s` is shared with a function inside now, which it was not", sourceNameOr(field.Base))
				f.problem(at)
			case was[level].Place != is[level].Place && (old.Declared != 1 || field.Declared != 1) || old.Kind != field.Kind:
				at.Text = fmt.Sprintf("the shared variable `%s` is declared otherwise than before", sourceNameOr(field.Base))
				f.problem(at)
			case old.Name != field.Name:
				if f.keys[env.Node()] == nil {
					f.keys[env.Node()] = map[string]string{}
				}
				f.keys[env.Node()][old.Name] = field.Name
			}
		}
		if node == nil {
			return
		}
		in := inspector{graph: f.graph}
		env, _ = in.field(node, "%p")
	}
}

func fieldNamed(fields []compile.VariableOutline, name string) *compile.VariableOutline {
	for i := range fields {
		if fields[i].Base == name {
			return &fields[i]
		}
	}
	return nil
}

func scopes(n int) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "one scope"
	}
	return fmt.Sprintf("%d scopes", n)
}
