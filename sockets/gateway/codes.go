package gateway

// Codes of refused handshakes, beside those of tokens.
const (
	codeBadRequest    = "bad_request"
	codeTokenRequired = "token_required"
	codeForbidden     = "forbidden_origin"
	codeUnknownRoom   = "unknown_room"
	codeRoomEnded     = "not_live"
	codeTooMany       = "too_many_connections"
	codeTooFast       = "rate_limited"
	codeFull          = "full"
	codeDraining      = "draining"
	codeRoomsAway     = "unavailable"
)
