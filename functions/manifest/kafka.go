package manifest

import "slices"

// Access is what a function does with Kafka, as its rights must let it.
type Access struct {
	Write    []string // topics
	Read     []string // topics
	Describe []string // topics that it looks at without reading them
	Join     []string // groups it reads as
	Watch    []string // groups whose lag it looks at
}

// Access derives the function's rights: its batches' topics and groups, the dead letters of these, and what the row says.
func (f Function) Access() Access {
	a := Access{Write: slices.Clone(f.Writes), Watch: f.Watches}
	for _, b := range f.Batches {
		a.Read = append(a.Read, b.Topic)
		a.Write = append(a.Write, b.OnFailure)
		a.Join = append(a.Join, b.Group)
	}
	for _, other := range Functions() {
		for _, b := range other.Batches {
			if slices.Contains(f.Watches, b.Group) {
				a.Describe = append(a.Describe, b.Topic)
			}
		}
	}
	for _, names := range []*[]string{&a.Write, &a.Read, &a.Describe, &a.Join} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return a
}

// MakesTopics says whether the function makes the topics, for which it has to be let at all of them.
func (f Function) MakesTopics() bool {
	return slices.ContainsFunc(f.Jobs, func(j Job) bool { return j.Name == "setup" })
}
