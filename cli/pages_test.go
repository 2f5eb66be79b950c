package cli_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"kont/cli"
)

// pageTimeout bounds each command of a page.
const pageTimeout = time.Minute

// The README's workflow is written and run as it says; where it says that the node
// is stopped and started again, it is.
func TestReadmeCommandsDoWhatItSays(t *testing.T) {
	page := readPage(t, "../README.md")
	source := regexp.MustCompile("(?s)Write `([^`]+)`:\n\n```ts\n(.*?)```").FindStringSubmatch(page)
	if source == nil {
		t.Fatal("the README has no workflow")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile(source[1], []byte(source[2]), 0o600); err != nil {
		t.Fatal(err)
	}
	playPage(t, page, "resume ada", map[string]string{
		"demo trip-booking-saga":  "workflow-result",
		"start ada":               "start of ada written to workflow-resume/",
		"consume questions":       "What do you like, Ada?",
		"inspect ada":             source[1] + ":8:17)\n       const likes = await answer;\n       waits for ",
		"resume ada":              ":answer:1 of ada written to workflow-resume/",
		"consume workflow-result": `"Ada likes trains"`,
	})
}

func TestDemoPagesDoWhatTheySay(t *testing.T) {
	for name, said := range map[string]map[string]string{
		"minimal": {
			"test ../demos/minimal":   " passed, 0 failed",
			"consume questions":       `"ref"`,
			"inspect ann":             "index.ts:",
			"consume workflow-result": "trains",
		},
		"trip-booking-saga": {
			"test ../demos/trip-booking-saga": " passed, 0 failed",
			"consume reservations":            `"kind":"flight"`,
			"inspect rome":                    ":flight:",
			"consume workflow-result":         `"total":600`,
		},
		"ecommerce": {
			"test ../demos/ecommerce": " passed, 0 failed",
			"demo ecommerce":          `"status":"abandoned"`,
			"consume carts":           `"error":"there is no email address to send the order to"`,
			"inspect ann":             "ann@example.com",
			"consume workflow-result": `"status":"ordered"`,
			"consume emails":          `"item":"umbrella"`,
		},
		"expense-approval": {
			"test ../demos/expense-approval":                " passed, 0 failed",
			"demo expense-approval":                         `"status":"expired"`,
			"inspect taxi":                                  ":decision:1",
			"consume approvals":                             `"action":"decide"`,
			"consume workflow-result":                       `"comment":"it was raining"`,
			"consume approvals --from-beginning -n 4":       `"action":"withdraw"`,
			"consume workflow-result --from-beginning -n 2": `"status":"expired"`,
			"unmatched":                                     "1:decision:1",
		},
		"versioning": {
			"demo versioning":  `{"is":"released","version":"1.1.0"}`,
			"test ":            " 0 failed",
			"consume versions": `"from":"1.0.0"`,
			"inspect ann":      "v1.1.ts:",
			"consume workflow-result --from-beginning -n 1": `"sum":12`,
			"consume releases": `"version":"1.0.0"`,
			"consume workflow-result --from-beginning -n 2": `"released"`,
		},
		"trip-booking-saga-versioned": {
			"demo trip-booking-saga-versioned": `"total":400`,
			"test ":                            " 0 failed",
			"consume reservations --from-beginning -n 4": `"kind":"insurance"`,
			"inspect rome":                           "v1.1.ts:",
			"consume versions --from-beginning -n 5": `"version":"1.1.1","from":"1.1.0"`,
			"consume versions --from-beginning -n 7": `"is":"refused"`,
			"consume workflow-result":                `"total":650`,
		},
		"ecommerce-versioned": {
			"demo ecommerce-versioned": `{"tea":12}`,
			"test ":                    " 0 failed",
			"consume carts":            `["tea","tea"]`,
			"consume versions":         `"from":"1.0.0"`,
			"consume workflow-result":  `{"tea":12}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait for timers
			playPage(t, readPage(t, "../demos/"+name+"/README.md"), "", said)
		})
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// playPage runs the commands of a page's sh blocks in order, on a real node with
// ports and a data directory of its own; commands that build and test are left
// out. said has, by the beginning of a command, what it must print; each must be
// on the page. Before the command that begins with restart, the node is stopped
// and started again.
func playPage(t *testing.T, page, restart string, said map[string]string) {
	node := &devNode{t: t, dataDir: t.TempDir()}
	defer node.stop()
	ran := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			words := shellWords(line)
			for i, word := range words {
				if strings.HasPrefix(word, "demos/") {
					words[i] = "../" + word // the pages' paths begin in the root
				}
			}
			switch {
			case line == "go test ./...\n", line == "CGO_ENABLED=0 go build .\n":
				continue
			case len(words) > 3 && words[0] == "go" && words[1] == "run" && words[2] == ".":
				words = words[3:]
			case words[0] == "./kont", words[0] == "kont":
				words = words[1:]
			default:
				t.Fatalf("the page runs %q, which this test does not know", line)
			}
			if words[0] == "dev" {
				node.args = words
				node.start()
				continue
			}
			command := strings.Join(words, " ")
			if restart != "" && strings.HasPrefix(command, restart) {
				node.stop()
				node.start()
			}
			out := node.run(words)
			for beginning, want := range said {
				if strings.HasPrefix(command, beginning) {
					ran[beginning] = true
					if !strings.Contains(out, want) {
						t.Errorf("%s prints no %q:\n%s", command, want, out)
					}
				}
			}
		}
	}
	for beginning := range said {
		if !ran[beginning] {
			t.Errorf("the page has no command %q", beginning)
		}
	}
}

// devNode is `kont dev` in this process.
type devNode struct {
	t       *testing.T
	dataDir string
	args    []string
	server  string
	cancel  context.CancelFunc
	ended   chan int
}

func (n *devNode) start() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.ended = cancel, make(chan int, 1)
	lines := make(chan string, 100)
	args := append(append([]string{}, n.args...), "--data", n.dataDir, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	out := lineWriter(lines)
	go func() { n.ended <- cli.Main(ctx, cli.Process{Args: args, Out: &out, Err: os.Stderr}) }()
	deadline := time.After(pageTimeout)
	n.server = ""
	for {
		select {
		case line := <-lines:
			if address, found := strings.CutPrefix(line, "HTTP   http://"); found {
				n.server = address
			}
			if strings.Contains(line, " deployed on ") {
				return
			}
		case code := <-n.ended:
			n.ended <- code
			n.t.Fatalf("%v ended with %d", args, code)
		case <-deadline:
			n.t.Fatalf("%v deployed nothing", args)
		}
	}
}

func (n *devNode) stop() {
	if n.cancel == nil {
		return
	}
	n.cancel()
	if code := <-n.ended; code != 0 {
		n.t.Errorf("kont dev ended with %d", code)
	}
	n.cancel = nil
}

func (n *devNode) run(args []string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pageTimeout)
	defer cancel()
	var out, problems bytes.Buffer
	code := cli.Main(ctx, cli.Process{Args: args, Env: []string{"KONT_SERVER=" + n.server}, In: strings.NewReader(""), Out: &out, Err: &problems})
	if code != 0 || ctx.Err() != nil {
		n.t.Fatalf("kont %s: exit code %d\n%s%s", strings.Join(args, " "), code, out.String(), problems.String())
	}
	return out.String()
}

// lineWriter sends each whole line that is written to it, and drops what nobody
// reads.
func lineWriter(lines chan<- string) writerFunc {
	var rest []byte
	return func(data []byte) (int, error) {
		rest = append(rest, data...)
		for {
			line, after, found := bytes.Cut(rest, []byte("\n"))
			if !found {
				return len(data), nil
			}
			select {
			case lines <- string(line):
			default:
			}
			rest = after
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f *writerFunc) Write(data []byte) (int, error) { return (*f)(data) }

// shellWords splits a line at blanks, but for what is in single quotes.
func shellWords(line string) []string {
	var words []string
	for _, match := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, match[1]+match[2])
	}
	return words
}

// The page on tests has a workflow, its test, and what comes of it.
func TestTestingPageDoesWhatItSays(t *testing.T) {
	page := readPage(t, "../docs/testing-workflows.md")
	t.Chdir(t.TempDir())
	sources := regexp.MustCompile("(?s)`([a-z.]+)`[^`]*:\n\n```ts\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(sources) != 2 {
		t.Fatalf("%d sources", len(sources))
	}
	for _, source := range sources {
		if err := os.WriteFile(source[1], []byte(source[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said := regexp.MustCompile("(?s)```sh\nkont test\n```\n\n```\n(.*?)```").FindStringSubmatch(page)
	if said == nil {
		t.Fatal("the page does not run it")
	}
	var out bytes.Buffer
	if code := cli.Main(t.Context(), cli.Process{Args: []string{"test"}, Out: &out, Err: &out}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	numbers := regexp.MustCompile(`\(.* s, seed \d+\)| \([0-9.]+ s\)`)
	if got, want := numbers.ReplaceAllString(out.String(), ""), numbers.ReplaceAllString(said[1], ""); got != want {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
}
