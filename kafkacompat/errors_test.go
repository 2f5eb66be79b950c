package kafkacompat

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// The sentinels are read from the sources of the packages that define them, and
// the rows from the source of the table, since Go can't list either when it runs.
func TestEverySentinelHasARow(t *testing.T) {
	rows := make(map[string]bool)
	inspect(t, "errors.go", func(n ast.Node) {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				rows[x.Name+"."+s.Sel.Name] = true
			}
		}
	})
	for name, path := range map[string]string{
		"command":     "../statemachine/command/errors.go",
		"recordbatch": "../statemachine/recordbatch/errors.go",
	} {
		found := 0
		inspect(t, path, func(n ast.Node) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return
			}
			for _, ident := range spec.Names {
				if !strings.HasPrefix(ident.Name, "Err") {
					continue
				}
				found++
				if !rows[name+"."+ident.Name] {
					t.Errorf("%s.%s has no row in kafkaErrors", name, ident.Name)
				}
			}
		})
		if found == 0 {
			t.Errorf("no sentinel found in %s", path)
		}
	}
}

func inspect(t *testing.T, path string, visit func(ast.Node)) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		visit(n)
		return true
	})
}

func TestErrorsBecomeKafkas(t *testing.T) {
	for _, c := range []struct {
		ours error
		want int16
	}{
		{nil, 0},
		{command.ErrUnknownTopic, kerr.UnknownTopicOrPartition.Code},
		{fmt.Errorf("append to x: %w", command.ErrNotLeader), kerr.NotLeaderForPartition.Code},
		{fmt.Errorf("no record batch: %w", kerr.InvalidRecord), kerr.InvalidRecord.Code},
		{errors.New("nobody thought of this"), kerr.UnknownServerError.Code},
	} {
		if got := errorCode(c.ours); got != c.want {
			t.Errorf("%v is %d, want %d", c.ours, got, c.want)
		}
	}
}

// A client's library has words of its own for each code. Kafka's messages are about the case at hand, and are read beside those.
func TestMessageSpeaksOfTheCaseAndNotOfTheCode(t *testing.T) {
	for want, err := range map[string]error{
		"topic a has 2 partitions already":                         fmt.Errorf("topic a has 2 partitions already: %w", kerr.InvalidPartitions),
		kerr.InvalidGroupID.Description:                            kerr.InvalidGroupID,
		"propose: topic a: " + command.ErrUnknownTopic.Error():     fmt.Errorf("propose: topic a: %w", command.ErrUnknownTopic),
		"twice, " + kerr.InvalidConfig.Error() + " said the other": fmt.Errorf("twice, %w said the other", kerr.InvalidConfig),
	} {
		if got := errorMessage(err); got == nil || *got != want {
			t.Errorf("message of %v: %v, want %q", err, got, want)
		}
	}
	if got := errorMessage(nil); got != nil {
		t.Errorf("message of no error: %q", *got)
	}
}
