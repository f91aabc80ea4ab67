package fanout

// steps cuts the items of one Publish call into what one script call takes, and leaves out ids that the call itself
// repeats: the script looks ids up before it stores any.
type steps struct {
	items   []Item
	pos     int
	at      []int       // the items of this step
	repeats map[int]int // item → the earlier item with the same id
}

func newSteps(items []Item) *steps {
	s := &steps{items: items, at: make([]int, 0, min(len(items), maxItems))}
	if len(items) < 2 {
		return s
	}
	type name struct{ sender, id string }
	first := make(map[name]int, len(items))
	for i := range items {
		if items[i].ID == "" {
			continue
		}
		key := name{items[i].Sender, items[i].ID}
		at, known := first[key]
		if !known {
			first[key] = i
			continue
		}
		if s.repeats == nil {
			s.repeats = make(map[int]int)
		}
		s.repeats[i] = at
	}
	return s
}

func (s *steps) next() bool {
	s.at = s.at[:0]
	for size := 0; s.pos < len(s.items) && len(s.at) < maxItems; s.pos++ {
		if _, repeat := s.repeats[s.pos]; repeat {
			continue
		}
		size += len(s.items[s.pos].Payload) + 1
		if size > maxBody && len(s.at) > 0 {
			break
		}
		s.at = append(s.at, s.pos)
	}
	return len(s.at) > 0
}

// copyRepeats gives each repeated item the outcome of the first: what is true of one is true of both.
func (s *steps) copyRepeats(outcomes []Outcome) {
	for i, at := range s.repeats {
		outcomes[i] = outcomes[at]
		outcomes[i].Duplicate = true
	}
}
