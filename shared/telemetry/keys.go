package telemetry

// Keys of log attributes. Every key of a log line comes from here, so that one search finds all lines about one thing.
const (
	Err       = "error"
	Trace     = "trace_id"
	Span      = "span_id"
	Request   = "request_id"
	Service   = "service"
	Room      = "room_id"
	User      = "user_id"
	Message   = "message_id"
	Order     = "order_id"
	Coins     = "coins"
	Gift      = "gift_id"
	Seq       = "seq"
	Epoch     = "epoch"
	Topic     = "topic"
	Partition = "partition"
	Offset    = "offset"
	Group     = "group"
	Batch     = "batch"
	Count     = "count"
	Bytes     = "bytes"
	Took      = "took"
	Address   = "address"
	URL       = "url"
	Method    = "method"
	Route     = "route"
	Status    = "status"
	Code      = "code"
	Reason    = "reason"
	Class     = "class"
	Name      = "name"
	Pod       = "pod"
	Channel   = "channel"
	Stack     = "stack"
	Check     = "check"
)

// Keys of metric and span attributes. Metrics take bounded values only: never a room or a user.
const (
	LabelType     = "type"     // live.MessageType
	LabelClass    = "class"    // live.Class
	LabelReason   = "reason"   // a closed list beside the counter's caller
	LabelOutcome  = "outcome"  // ok, refused, error
	LabelFunction = "function" // auth, room, gift, stats, archive
	LabelTopic    = "topic"
	LabelCache    = "cache"
)
