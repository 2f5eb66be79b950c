package statemachine

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

var update = flag.Bool("update", false, "write transcripts anew; read each difference")

// A transcript is a text of commands and all that each changed in the store. Lines
// that begin with > are commands; what follows is written by the test: = results,
// + new keys, ~ changed values, - keys that are gone.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runTranscript(t, string(data))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(data) {
				t.Errorf("%s differs; after -update, see git diff\n%s", path, firstDifference(got, string(data)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(gotLines), len(wantLines))
}

func runTranscript(t *testing.T, text string) string {
	h := newHarness(t)
	var out strings.Builder
	now := int64(0)
	before := contents(t, h.store)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		words, isCommand := strings.CutPrefix(line, "> ")
		if !isCommand {
			if line == "" || strings.HasPrefix(line, "#") {
				out.WriteString(line + "\n")
			}
			continue
		}
		out.WriteString(line + "\n")
		fields := strings.Fields(words)
		if fields[0] == "time" {
			now = number[int64](t, fields[1])
			continue
		}
		result := h.apply(parseCommand(t, fields, now))
		out.WriteString("= " + describeResult(result) + "\n")
		after := contents(t, h.store)
		writeChanges(&out, before, after)
		before = after
	}
	h.requireConsistent()
	return out.String()
}

func describeResult(result any) string {
	switch result := result.(type) {
	case nil:
		return "ok"
	case error:
		return result.Error()
	case []error:
		var parts []string
		for _, err := range result {
			if err == nil {
				parts = append(parts, "ok")
			} else {
				parts = append(parts, err.Error())
			}
		}
		return strings.Join(parts, "; ")
	case []command.AppendResult:
		var parts []string
		for _, r := range result {
			if r.Err == nil {
				parts = append(parts, fmt.Sprintf("offset %d", r.BaseOffset))
			} else {
				parts = append(parts, strings.ReplaceAll(r.Err.Error(), "\n", ": "))
			}
		}
		return strings.Join(parts, "; ")
	}
	return fmt.Sprint(result)
}

func writeChanges(out *strings.Builder, before, after map[string]string) {
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		was, existed := before[key]
		is, exists := after[key]
		mark := ""
		switch {
		case !existed:
			mark = "+"
		case !exists:
			mark, is = "-", ""
		case was != is:
			mark = "~"
		default:
			continue
		}
		line := fmt.Sprintf("  %s %s", mark, key)
		if is != "" {
			line += ": " + is
		}
		out.WriteString(line + "\n")
	}
}

func number[N int | int32 | int64 | uint64](t *testing.T, text string) N {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return N(n)
}

// parseCommand reads a command line:
//
//	create TOPIC PARTITIONS [CONFIG=VALUE]...       delete TOPIC
//	alter TOPIC [CONFIG=VALUE|CONFIG=]...           trim TOPIC PARTITION OFFSET
//	append TOPIC PARTITION [producer=ID/EPOCH/SEQUENCE] [KEY=VALUE|KEY]...
//	deploy TOPIC BUNDLE [OUTPUT]...                 ids COUNT
//	step TOPIC PARTITION@OFFSET THREAD OUTCOME [id=N] [prev=N] [start=BUNDLE]
//	     [cont=TEXT] [ref=ID]... [out=TOPIC:KEY:VALUE]... [reason=TEXT] [event=TEXT]
//	fire TOPIC KEY DUE    retry TOPIC THREAD    forget TOPIC THREAD
//	commit GROUP TOPIC PARTITION OFFSET             ungroup GROUP
//	keep GROUP...                                   expire TIME GROUP...
//	allow PRINCIPAL OPERATION TYPE:NAME[*] [HOST]   deny, disallow, undeny: the same
//	credential USER MECHANISM ITERATIONS [if-none]  uncredential USER MECHANISM
func parseCommand(t *testing.T, words []string, now int64) command.Command {
	switch words[0] {
	case "create":
		return command.CreateTopics{NowUnixMilli: now, Topics: []command.Topic{
			{Name: words[1], Partitions: number[int32](t, words[2]), Configs: pairs(words[3:])}}}
	case "delete":
		return command.DeleteTopics{Names: words[1:], NowUnixMilli: now}
	case "alter":
		configs := map[string]*string{}
		for name, value := range pairs(words[2:]) {
			configs[name] = nil
			if value != "" {
				configs[name] = &value
			}
		}
		return command.AlterTopicConfigs{Topic: words[1], Configs: configs}
	case "trim":
		return command.DeleteRecords{Trims: []command.Trim{
			{Topic: words[1], Partition: number[int32](t, words[2]), Offset: number[int64](t, words[3])}}}
	case "append":
		return parseAppend(t, words, now, false)
	case "deploy":
		topics := []command.Topic{{Name: words[1], Partitions: 2}}
		for _, name := range words[3:] {
			topics = append(topics, command.Topic{Name: name, Partitions: 1})
		}
		return command.Deploy{App: "app", ResumeTopic: words[1], Hash: bundleHash(words[2]), Bundle: []byte(words[2]),
			Topics: topics, NowUnixMilli: now}
	case "ids":
		return command.AllocateProducerIDs{Count: number[int64](t, words[1])}
	case "step":
		return command.CommitSteps{Steps: []command.Step{parseStep(t, words)}, NowUnixMilli: now}
	case "fire":
		return command.FireTimers{NowUnixMilli: now, Timers: []command.TimerKey{
			{Topic: words[1], Key: words[2], DueUnixMilli: number[int64](t, words[3])}}}
	case "retry":
		return command.RetryThread{ResumeTopic: words[1], Thread: words[2], NowUnixMilli: now}
	case "forget":
		return command.DeleteThread{ResumeTopic: words[1], Thread: words[2], NowUnixMilli: now}
	case "commit":
		return command.CommitOffsets{Group: words[1], NowUnixMilli: now, Offsets: []command.GroupOffset{
			{Topic: words[2], Partition: number[int32](t, words[3]), Offset: number[int64](t, words[4]), LeaderEpoch: -1}}}
	case "keep":
		return command.KeepOffsets{Groups: words[1:], NowUnixMilli: now}
	case "renew":
		com := command.RenewOffsets{NowUnixMilli: now}
		for i := 1; i < len(words); i += 2 {
			com.Of = append(com.Of, command.GroupTopic{Group: words[i], Topic: words[i+1]})
		}
		return com
	case "expire":
		return command.ExpireOffsets{Groups: words[2:], BeforeUnixMilli: number[int64](t, words[1])}
	case "allow", "deny":
		return command.CreateACLs{ACLs: []command.ACL{parseACL(t, words)}}
	case "disallow", "undeny":
		return command.DeleteACLs{ACLs: []command.ACL{parseACL(t, words)}}
	case "credential":
		user := command.ScramUser{User: words[1], Mechanism: command.ScramMechanism(number[int](t, words[2]))}
		key := bytes.Repeat([]byte{1}, int(32*user.Mechanism))
		return command.AlterScramCredentials{IfNone: slices.Contains(words, "if-none"), Upserts: []command.ScramCredential{
			{ScramUser: user, Iterations: number[int32](t, words[3]), Salt: []byte("salt"), StoredKey: key, ServerKey: key}}}
	case "uncredential":
		return command.AlterScramCredentials{Deletions: []command.ScramUser{
			{User: words[1], Mechanism: command.ScramMechanism(number[int](t, words[2]))}}}
	case "ungroup":
		return command.DeleteGroups{Groups: words[1:]}
	}
	if com := parseTransaction(t, words, now); com != nil {
		return com
	}
	t.Fatalf("no such command: %v", words)
	return nil
}

func parseACL(t *testing.T, words []string) command.ACL {
	kind, name, _ := strings.Cut(words[3], ":")
	acl := command.ACL{ResourceType: number8(t, kind), Pattern: 3, Name: name, Principal: words[1], Host: "*", Operation: number8(t, words[2]), Permission: 3}
	if prefix, isPrefixed := strings.CutSuffix(name, "*"); isPrefixed && prefix != "" {
		acl.Pattern, acl.Name = 4, prefix
	}
	if strings.Contains(words[0], "deny") {
		acl.Permission = 2
	}
	if len(words) > 4 {
		acl.Host = words[4]
	}
	return acl
}

func number8(t *testing.T, text string) int8 { return int8(number[int](t, text)) }

func bundleHash(bundle string) (hash command.BundleHash) {
	copy(hash[:], bundle)
	return hash
}

func pairs(words []string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		all[name] = value
	}
	return all
}

func parseAppend(t *testing.T, words []string, now int64, isTransaction bool) command.Command {
	options := recordbatch.Options{Transactional: isTransaction}
	var records []recordbatch.Record
	for _, word := range words[3:] {
		key, value, hasValue := strings.Cut(word, "=")
		if key == "producer" {
			parts := strings.Split(value, "/")
			options.Producer = &recordbatch.Producer{ID: number[int64](t, parts[0]),
				Epoch: int16(number[int](t, parts[1])), BaseSequence: number[int32](t, parts[2])}
			continue
		}
		r := recordbatch.Record{TimestampUnixMilli: now, Key: []byte(key)}
		if hasValue {
			r.Value = []byte(value)
		}
		records = append(records, r)
	}
	return command.AppendRecords{NowUnixMilli: now, Appends: []command.Append{
		{Topic: words[1], Partition: number[int32](t, words[2]), Batch: recordbatch.Append(nil, records, options)}}}
}

func parseStep(t *testing.T, words []string) command.Step {
	partition, offset, _ := strings.Cut(words[2], "@")
	outcomes := []string{"", "suspended", "ended", "unmatched", "faulted", "kept"}
	step := command.Step{ResumeTopic: words[1], Partition: number[int32](t, partition), Offset: number[int64](t, offset),
		Thread: words[3], Outcome: command.Outcome(slices.Index(outcomes, words[4]))}
	for _, word := range words[5:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "id":
			step.StepID = number[uint64](t, value)
		case "prev":
			step.PreviousStepID = number[uint64](t, value)
		case "start":
			step.Started, step.Hash = true, bundleHash(value)
		case "cont":
			step.Continuation = []byte(value)
		case "ref":
			step.Refs = append(step.Refs, value)
		case "out":
			parts := strings.SplitN(value, ":", 3)
			step.Outputs = append(step.Outputs, command.Output{Topic: parts[0], Key: []byte(parts[1]), Value: []byte(parts[2])})
		case "reason":
			step.Reason = value
		case "event":
			step.Event = []byte(value)
		default:
			t.Fatalf("step: %s?", word)
		}
	}
	return step
}
