package knative

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/barrage-live/barrage/shared/stream"
)

const (
	extensionKey    = "key"
	extensionHeader = "kafkaheader" // and the header's name, of which a KafkaSource keeps letters and digits alone
)

// headerNames are the platform's own headers by what a KafkaSource makes of their names.
func headerNames() map[string]string {
	names := make(map[string]string)
	for _, name := range []string{stream.HeaderTraceParent, stream.HeaderBaggage, stream.HeaderMessageID, stream.HeaderSchema,
		stream.HeaderError, stream.HeaderSourcePartition, stream.HeaderSourceOffset} {
		names[strings.ReplaceAll(name, "-", "")] = name
	}
	return names
}

// recordOf is the record that a KafkaSource made the event of: its source ends in #topic, its subject is
// partition:2#41, and key and headers are extensions. The key must be text (the source's label key-type: string).
func recordOf(event cloudevents.Event) (stream.Record, error) {
	_, topic, ok := strings.Cut(event.Source(), "#")
	if !ok || topic == "" {
		return stream.Record{}, fmt.Errorf("source %q names no topic", event.Source())
	}
	place, isPlace := strings.CutPrefix(event.Subject(), "partition:")
	partition, offset, isPair := strings.Cut(place, "#")
	p, perr := strconv.ParseInt(partition, 10, 32)
	o, oerr := strconv.ParseInt(offset, 10, 64)
	if !isPlace || !isPair || perr != nil || oerr != nil || p < 0 || o < 0 {
		return stream.Record{}, fmt.Errorf("subject %q is not partition:N#OFFSET", event.Subject())
	}
	r := stream.Record{
		Topic: stream.Topic(topic), Partition: int32(p), Offset: o, Value: event.Data(), Timestamp: event.Time(),
	}
	known := headerNames()
	extensions := event.Extensions()
	for _, name := range slices.Sorted(maps.Keys(extensions)) {
		value, err := types.Format(extensions[name])
		if err != nil {
			return stream.Record{}, fmt.Errorf("extension %s: %w", name, err)
		}
		header, isHeader := strings.CutPrefix(name, extensionHeader)
		switch {
		case name == extensionKey:
			r.Key = []byte(value)
		case isHeader && header != "":
			if whole, ok := known[header]; ok {
				header = whole
			}
			r.Headers = append(r.Headers, stream.Header{Key: header, Value: []byte(value)})
		}
	}
	return r, nil
}
