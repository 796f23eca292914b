package interop

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// Tests run in the order of their files, so this is the last: every method that is said to be
// implemented has been answered.
func TestEveryMethodIsAnswered(t *testing.T) {
	if flag.Lookup("test.run").Value.String() != "" {
		t.Log("tests were chosen by name: what the others call is not known")
		return
	}
	path := os.Getenv("ICHOR_IMPLEMENTED")
	if path == "" {
		t.Fatal("ICHOR_IMPLEMENTED names no list of methods; run these tests with ./x test interop")
	}
	list, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range strings.Fields(string(list)) {
		if _, found := answered.Load(method); !found {
			t.Errorf("no test has had an answer of %s", method)
		}
	}
}
