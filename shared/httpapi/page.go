package httpapi

// PageQuery is the input of lists: embed it in a route's input.
type PageQuery struct {
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"How many items to return."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next_cursor of the page before; empty for the first page."`
}

// Page is one page of a list. NextCursor is empty at the end.
type Page[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor"`
}

// NewPage makes a page; nil items are an empty list, never null.
func NewPage[T any](items []T, next string) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{Items: items, NextCursor: next}
}

// Body is the output of a route that has a JSON body and no headers, and the input of one that takes nothing else.
type Body[T any] struct {
	Body T
}

// None is the input or output of a route that has none.
type None struct{}
