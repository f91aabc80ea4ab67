// Package barrage_test holds the rules that the whole tree keeps.
package barrage_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/barrage-live/barrage/"

// floors are the module's top folders and what each may import of the others (ARCHITECTURE, "Imports run one way").
// A folder that is not here has to be given its place first.
var floors = map[string][]string{
	"shared":    {},
	"functions": {"shared"},
	"sockets":   {"shared"},
	"local":     {"functions", "sockets", "shared"},
	"scripts":   {"local", "functions", "sockets", "shared"}, // load generators and checks; nothing imports them
	"infra":     {"shared"},
}

// restricted are import paths, by prefix, that only some folders may use. Tests may be given more.
var restricted = []struct {
	imports   []string
	only      []string // folders, with those below them
	onlyTests []string // folders whose tests may too; "" is the whole tree
	because   string
}{
	{
		imports: []string{"github.com/aws/", "go.opentelemetry.io/contrib/instrumentation/github.com/aws/"},
		only:    []string{"functions/host/lambda", "infra", "shared/identity", "shared/objects", "shared/secrets", "shared/stream/awsiam", "shared/store/awsiam"},
		// A test may look into the S3 fake with the real client.
		onlyTests: []string{"local", "functions", "shared/objectstest"},
		because:   "AWS stays in the Lambda host, infra/, and the clients for S3, secrets and IAM sign-in",
	}, {
		imports: []string{"knative.dev/", "github.com/cloudevents/"},
		only:    []string{"functions/host/knative", "infra"},
		because: "Knative stays in its host",
	}, {
		imports:   []string{"github.com/gorilla/websocket"},
		only:      []string{"sockets"},
		onlyTests: []string{""},
		because:   "gorilla/websocket stays in sockets/ and tests",
	}, {
		imports: []string{
			"github.com/twmb/franz-go/pkg/kfake", "github.com/alicebob/miniredis/", "github.com/johannesboyne/gofakes3",
			module + "shared/stream/embedded", module + "shared/roomstate/embedded",
		},
		only:      []string{"local", "shared/stream/embedded", "shared/roomstate/embedded"},
		onlyTests: []string{""},
		because:   "embedded servers stay out of production binaries",
	},
}

// strangers are packages that must not know of each other although their floor would let them.
var strangers = []struct {
	folder string
	knows  []string // import prefixes that it must not have
	why    string
}{
	{"sockets/hub", []string{module + "shared/stream", module + "shared/fanout", "github.com/twmb/franz-go", "github.com/redis/"},
		"the hub knows neither Kafka nor Redis"},
	{"sockets/loop", []string{module + "shared/stream", module + "shared/fanout", "github.com/twmb/franz-go", "github.com/redis/"},
		"the loop knows neither Kafka nor Redis"},
}

// source is one file of the tree with what it imports.
type source struct {
	folder  string // from the root, with slashes
	name    string
	test    bool // a test, or a file of a package named …test, which holds what several tests need
	imports []string
}

func TestImportsRunOneWay(t *testing.T) {
	sources := parseTree(t, ".")
	if len(sources) < 50 {
		t.Fatalf("got %d files: this is not the whole tree", len(sources))
	}
	for _, s := range sources {
		for _, problem := range s.problems() {
			t.Errorf("%s/%s: %s", s.folder, s.name, problem)
		}
	}
}

func TestRulesCatchWhatTheyAreFor(t *testing.T) {
	for name, s := range map[string]source{
		"arrow up":              {folder: "shared/live", imports: []string{module + "functions/auth"}},
		"sideways":              {folder: "sockets/gateway", imports: []string{module + "functions/room"}},
		"sideways in a test":    {folder: "functions/room", test: true, imports: []string{module + "sockets/client"}},
		"into local":            {folder: "functions/room", imports: []string{module + "local/web"}},
		"unknown folder":        {folder: "misc/x"},
		"vocabulary":            {folder: "shared/live", imports: []string{"github.com/google/uuid"}},
		"aws in a function":     {folder: "functions/room", imports: []string{"github.com/aws/aws-sdk-go-v2/aws"}},
		"otellambda":            {folder: "shared/telemetry", imports: []string{"go.opentelemetry.io/contrib/instrumentation/github.com/aws/aws-lambda-go/otellambda"}},
		"knative in a function": {folder: "functions/room", imports: []string{"knative.dev/func-go/http"}},
		"gorilla in shared":     {folder: "shared/wire", imports: []string{"github.com/gorilla/websocket"}},
		"fake in a binary":      {folder: "sockets/gateway", imports: []string{module + "shared/stream/embedded"}},
		"prefix of a folder":    {folder: "functions/host/lambdax", imports: []string{"github.com/aws/aws-lambda-go/lambda"}},
		"testing in a binary":   {folder: "shared/store", imports: []string{"testing"}},
		"suite in a binary":     {folder: "shared/store", imports: []string{module + "shared/storetest"}},
		"hub with redis":        {folder: "sockets/hub", test: true, imports: []string{"github.com/redis/go-redis/v9"}},
	} {
		if len(s.problems()) == 0 {
			t.Errorf("%s: got no problem for %+v", name, s)
		}
	}
	for name, s := range map[string]source{
		"down":            {folder: "local", imports: []string{module + "sockets/gateway", "github.com/twmb/franz-go/pkg/kfake"}},
		"suite":           {folder: "shared/storetest", test: true, imports: []string{"testing", module + "shared/store"}},
		"gorilla in test": {folder: "functions/room", test: true, imports: []string{"github.com/gorilla/websocket"}},
		"aws in its host": {folder: "functions/host/lambda/runtimeapi", imports: []string{"github.com/aws/aws-lambda-go/lambda"}},
	} {
		if got := s.problems(); len(got) != 0 {
			t.Errorf("%s: got %v, want none", name, got)
		}
	}
}

func (s source) problems() []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	floor := topOf(s.folder)
	allowed, known := floors[floor]
	if !known && s.folder != "." {
		complain("folder %s has no place in ARCHITECTURE.md", floor)
	}
	for _, imported := range s.imports {
		if local, ok := strings.CutPrefix(imported, module); ok {
			if to := topOf(local); to != floor && !slices.Contains(allowed, to) {
				complain("%s may not import %s", floor, imported)
			}
		}
		if !s.test && (imported == "testing" || strings.HasPrefix(imported, module) && strings.HasSuffix(imported, "test")) {
			complain("imports %s: test helpers stay out of binaries", imported)
		}
		if s.folder == "shared/live" && !s.test && strings.Contains(imported, ".") {
			complain("shared/live uses the standard library only, not %s", imported)
		}
		for _, rule := range restricted {
			if hasAnyPrefix(imported, rule.imports) && !within(s.folder, rule.only) && !(s.test && within(s.folder, rule.onlyTests)) {
				complain("imports %s: %s", imported, rule.because)
			}
		}
		for _, rule := range strangers {
			if within(s.folder, []string{rule.folder}) && hasAnyPrefix(imported, rule.knows) {
				complain("imports %s: %s", imported, rule.why)
			}
		}
	}
	return problems
}

// parseTree reads the imports of every Go file below root. Folders with a go.mod of their own are other modules.
func parseTree(t *testing.T, root string) []source {
	t.Helper()
	var sources []source
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(root, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{folder: filepath.ToSlash(filepath.Dir(name)), name: entry.Name()}
		s.test = strings.HasSuffix(name, "_test.go") || strings.HasSuffix(s.folder, "test")
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		sources = append(sources, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func skipFolder(root, name string) error {
	if name == root {
		return nil
	}
	base := filepath.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || slices.Contains([]string{"testdata", "node_modules", "build"}, base) {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func topOf(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

func hasAnyPrefix(imported string, prefixes []string) bool {
	for _, p := range prefixes {
		if imported == strings.TrimSuffix(p, "/") || strings.HasPrefix(imported, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

// within says whether the folder is one of those, or below one; "" is every folder.
func within(folder string, folders []string) bool {
	for _, f := range folders {
		if f == "" || folder == f || strings.HasPrefix(folder, f+"/") {
			return true
		}
	}
	return false
}
