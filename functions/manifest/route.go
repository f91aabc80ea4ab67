package manifest

import "strings"

// Pattern is a route as net/http's mux writes it. The table has them as API Gateway does, "/api/v1/rooms/{proxy+}"; of
// several that match, both take the one that names more of the path.
func Pattern(route string) string { return strings.ReplaceAll(route, "+}", "...}") }
