package words

import "slices"

// node is a state of the automaton. Nodes are numbered breadth first, so that the children of one are neighbours.
type node = uint32

const root node = 0

// automaton is Aho and Corasick's (1975) over runes. The children of n are the nodes children[n] to children[n+1]-1,
// in the order of the runes that lead to them: a node takes 20 bytes, where a table of all next bytes takes 2 KB.
type automaton struct {
	children   []node
	label      []rune // that leads to the node
	fail       []node // the longest proper suffix that is a node
	dictionary []node // the longest proper suffix that is a word; root: none
	word       []uint32
	fromRoot   []node // by rune below its length; beyond, the children of root are searched
}

// denseRunes is up to where the first rune of a word is looked up in a table: the basic plane.
const denseRunes = 0x10000

func (t *automaton) next(n node, r rune) node {
	for n != root {
		if child := t.child(n, r); child != root {
			return child
		}
		n = t.fail[n]
	}
	if int(r) < len(t.fromRoot) {
		return t.fromRoot[r]
	}
	return t.child(root, r)
}

// child is root when there is none.
func (t *automaton) child(n node, r rune) node {
	from, to := t.children[n], t.children[n+1]
	for to-from > 8 {
		mid := from + (to-from)/2
		if t.label[mid] <= r {
			from = mid
		} else {
			to = mid
		}
	}
	for ; from < to; from++ {
		if t.label[from] == r {
			return from
		}
	}
	return root
}

// firstWord is the node of the longest word that ends in the state; root if none does.
func (t *automaton) firstWord(n node) node {
	if t.word[n] != 0 {
		return n
	}
	return t.dictionary[n]
}

func (t *automaton) bytes() int {
	return 4 * (cap(t.children) + cap(t.label) + cap(t.fail) + cap(t.dictionary) + cap(t.word) + cap(t.fromRoot))
}

// builder collects words, sorted at the end: the tree is then made level by level without a map.
type builder struct {
	runes []rune           // of all words, one after the other
	words []span           // in the order in which they came
	ids   map[string]int32 // by their letters
}

type span struct{ from, to, id int }

func newBuilder() *builder { return &builder{ids: make(map[string]int32)} }

// add returns the word's number, and whether its letters were added before.
func (b *builder) add(units []unit) (id int, known bool) {
	from := len(b.runes)
	for _, u := range units {
		b.runes = append(b.runes, u.r)
	}
	letters := string(b.runes[from:])
	if id, ok := b.ids[letters]; ok {
		b.runes = b.runes[:from]
		return int(id), true
	}
	id = len(b.words)
	b.ids[letters] = int32(id)
	b.words = append(b.words, span{from, len(b.runes), id})
	return id, false
}

func (b *builder) of(s span) []rune { return b.runes[s.from:s.to] }

// build makes the tree and links it.
func (b *builder) build() automaton {
	slices.SortFunc(b.words, func(x, y span) int { return slices.Compare(b.of(x), b.of(y)) })
	size := b.count() + 1
	t := automaton{
		children: make([]node, 0, size+1), label: make([]rune, 1, size), fail: make([]node, size),
		dictionary: make([]node, size), word: make([]uint32, 1, size), fromRoot: make([]node, 0),
	}
	b.grow(&t)
	t.link()
	return t
}

// count is how many different beginnings the sorted words have.
func (b *builder) count() int {
	n := 0
	var before []rune
	for _, s := range b.words {
		word, same := b.of(s), 0
		for same < min(len(word), len(before)) && word[same] == before[same] {
			same++
		}
		n += len(word) - same
		before = word
	}
	return n
}

// grow makes the nodes level by level. group is the words below a node: all begin with what leads to it.
func (b *builder) grow(t *automaton) {
	type group struct{ from, to int }
	level := []group{{0, len(b.words)}}
	for depth := 0; len(level) > 0; depth++ {
		var below []group
		for _, g := range level {
			t.children = append(t.children, node(len(t.label)))
			at := g.from
			if at < g.to && len(b.of(b.words[at])) == depth {
				at++ // the word that ends here is the first of its group
			}
			for at < g.to {
				r, end := b.of(b.words[at])[depth], at+1
				for end < g.to && b.of(b.words[end])[depth] == r {
					end++
				}
				word := uint32(0)
				if len(b.of(b.words[at])) == depth+1 {
					word = uint32(b.words[at].id) + 1
				}
				t.label, t.word = append(t.label, r), append(t.word, word)
				below = append(below, group{at, end})
				at = end
			}
		}
		level = below
	}
	t.children = append(t.children, node(len(t.label)))
}

// link sets the links of each node from those of the nodes above it, which have smaller numbers.
func (t *automaton) link() {
	last, ok := rune(-1), t.children[1] > t.children[0]
	if ok {
		last = t.label[t.children[1]-1]
	}
	t.fromRoot = make([]node, min(last+1, denseRunes))
	for n := t.children[0]; n < t.children[1]; n++ {
		if r := t.label[n]; int(r) < len(t.fromRoot) {
			t.fromRoot[r] = n
		}
	}
	for parent := root; int(parent)+1 < len(t.children); parent++ {
		for n := t.children[parent]; n < t.children[parent+1]; n++ {
			if parent != root {
				t.fail[n] = t.next(t.fail[parent], t.label[n])
			}
			t.dictionary[n] = t.firstWord(t.fail[n])
		}
	}
}
