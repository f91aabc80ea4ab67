package words

import (
	_ "embed" // the lists
	"fmt"
	"os"
	"strings"
)

var (
	//go:embed lists/en.txt
	english string

	//go:embed lists/zh.txt
	chinese string
)

// Default is a short list of English and Chinese words that hardly any room wants. It is something to begin with, no
// judgement on what else is fit to be said.
func Default() []string { return append(parseFile(english), parseFile(chinese)...) }

// ReadFile returns the words of a file: a line each, without empty ones and those that begin with #.
func ReadFile(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("blocked words: %w", err)
	}
	list := parseFile(string(text))
	for i, word := range list {
		if err := Check(word); err != nil {
			return nil, fmt.Errorf("blocked words: %s: word %d: %w", name, i+1, err)
		}
	}
	return list, nil
}

func parseFile(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}
