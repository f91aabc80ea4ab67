// Package words finds blocked words in what people write, however they spell it: full width, spaced out, with accents or
// invisible characters in between. A list is compiled once into an automaton (Aho–Corasick) and then read by everybody.
//
// A word of a script that uses spaces (English) is found as a word of its own: "ass" is not in "class". "ass*" is found at
// the beginning of words, "*ass" at their end. Words of scripts without spaces (Chinese) are found anywhere.
package words

import (
	"errors"
	"fmt"
	"strings"
)

// What one list may hold.
const (
	MaxWords = 1_000_000
	MaxRunes = 64 // of a word, folded
)

// ErrEmptyWord is a word of which folding leaves nothing.
var ErrEmptyWord = errors.New("a blocked word needs a letter, a digit or a symbol of a script")

// List is a compiled list. Nobody changes it; any number may read it at once.
type List struct {
	tree    automaton
	pattern []pattern
}

// pattern is what the automaton doesn't know of a word.
type pattern struct {
	length             uint8
	openStart, openEnd bool   // may begin, or end, inside a word
	gaps               uint64 // bit i: the word itself has a gap before its rune i
}

// Compile makes a list of the words. The order does not matter, nor do repeats. It takes about a microsecond a rune.
func Compile(list []string) (*List, error) {
	if len(list) > MaxWords {
		return nil, fmt.Errorf("%d words are more than %d", len(list), MaxWords)
	}
	l := &List{}
	b := newBuilder()
	for _, word := range list {
		units, p, err := parse(word)
		if err != nil {
			return nil, err
		}
		id, known := b.add(units)
		if !known {
			l.pattern = append(l.pattern, p)
			continue
		}
		// The same letters again: what either of them finds is found.
		same := &l.pattern[id]
		same.openStart, same.openEnd, same.gaps = same.openStart || p.openStart, same.openEnd || p.openEnd, same.gaps|p.gaps
	}
	l.tree = b.build()
	return l, nil
}

// Check reports why the word can't be in a list.
func Check(word string) error {
	_, _, err := parse(word)
	return err
}

func parse(word string) ([]unit, pattern, error) {
	var p pattern
	word = strings.TrimSpace(word)
	if rest, ok := strings.CutPrefix(word, "*"); ok {
		word, p.openStart = rest, true
	}
	if rest, ok := strings.CutSuffix(word, "*"); ok {
		word, p.openEnd = rest, true
	}
	units := fold(word)
	switch {
	case len(units) == 0:
		return units, p, ErrEmptyWord
	case len(units) > MaxRunes:
		return units, p, fmt.Errorf("a blocked word of %d letters is longer than %d", len(units), MaxRunes)
	}
	p.length = uint8(len(units))
	for i, u := range units[1:] {
		if u.gap != noGap {
			p.gaps |= 1 << (i + 1)
		}
	}
	return units, p, nil
}

// Len is how many different words the list has.
func (l *List) Len() int { return len(l.pattern) }

// Bytes is about how much memory the list takes.
func (l *List) Bytes() int { return l.tree.bytes() + 16*cap(l.pattern) }

// Blocked reports whether the text has a word of one of the lists. A nil list has none.
func Blocked(text string, lists ...*List) bool {
	var units []unit
	for _, l := range lists {
		if l == nil || len(l.pattern) == 0 {
			continue
		}
		if units == nil {
			units = fold(text)
		}
		if l.blocks(units) {
			return true
		}
	}
	return false
}

func (l *List) blocks(units []unit) bool {
	t := &l.tree
	state := root
	for i := range units {
		state = t.next(state, units[i].r)
		for at := t.firstWord(state); at != root; at = t.dictionary[at] {
			if l.pattern[t.word[at]-1].fits(units, i) {
				return true
			}
		}
	}
	return false
}

// fits tells whether what was found at units[…end] stands there as the word, and not by chance.
func (p pattern) fits(units []unit, end int) bool {
	start := end - int(p.length) + 1
	first, last := units[start], units[end]
	if first.alpha && !p.openStart && start > 0 && first.gap == noGap && units[start-1].alpha {
		return false
	}
	if last.alpha && !p.openEnd && end+1 < len(units) && units[end+1].gap == noGap && units[end+1].alpha {
		return false
	}
	// "pen is" is not a word spelled apart, "p e n i s" is: white space between letters of a word counts as spelling only
	// when all of its letters stand apart. Symbols do anywhere: nobody writes "pen*is" by chance.
	parted, together := false, false
	for i := start + 1; i <= end; i++ {
		u := units[i]
		if !u.alpha || !units[i-1].alpha || p.gaps>>(i-start)&1 == 1 {
			continue
		}
		parted, together = parted || u.gap == wordGap, together || u.gap == noGap
	}
	return !parted || !together
}
