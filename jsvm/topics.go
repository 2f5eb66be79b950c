package jsvm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
)

// protocolTopics are there without being declared.
var protocolTopics = []string{"workflow-error", "workflow-result", "workflow-resume", "workflow-scheduler"}

// allTopics are the topics that the bundle declares or has configured, sorted: also where results and errors go.
func (v *vm) allTopics() ([]string, error) {
	topics := slices.Clone(v.topics)
	library, ok := v.lib.Get("kont").(*goja.Object)
	if !ok {
		return nil, fmt.Errorf("runtime library has no module")
	}
	config, ok := library.Get("config").(*goja.Object)
	if !ok {
		return nil, fmt.Errorf("runtime library has no config")
	}
	for _, name := range []string{"errorTopic", "resultTopic"} {
		value := config.Get(name)
		if !isText(value) {
			return nil, &exportError{config: name, text: "W.config." + name + " is " + kindOf(value) + ", not the name of a topic", hint: "assign a string"}
		}
		if topic := value.String(); !slices.Contains(protocolTopics, topic) {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics), nil
}

// checkTopics refuses topics that no Kafka cluster would make, all at once.
func (b *Bundle) checkTopics() error {
	refused := &CompileError{}
	for _, topic := range b.topics {
		if reason := bundle.CheckTopic(topic); reason != nil {
			d := b.diagnosticAt(func(e *compile.Exports) (compile.Position, bool) { return e.Topic(topic) })
			d.Text, d.Hint = reason.Error(), "rename it"
			if text, hint, ok := strings.Cut(d.Text, "; "); ok {
				d.Text, d.Hint = text, hint
			}
			refused.Diagnostics = append(refused.Diagnostics, d)
		}
	}
	if len(refused.Diagnostics) > 0 {
		return refused
	}
	return nil
}
