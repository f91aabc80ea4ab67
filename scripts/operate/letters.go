package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/stream"
)

// shownValue bounds what the list shows of a record's value, in bytes.
const shownValue = 400

// A place names one dead letter as the list shows it: its partition and its offset in the dead letters' topic.
type place struct {
	partition int32
	offset    int64
}

func deadLetters(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (err error) {
	var replay bool
	var skip []place
	fs, err := parse("deadletters", args, 1, func(fs *flag.FlagSet) {
		fs.BoolVar(&replay, "replay", false, "give them to their consumers again")
		fs.Func("skip", "with -replay: letters that are passed over for good", func(text string) (err error) {
			skip, err = parsePlaces(text)
			return err
		})
	})
	if err != nil {
		return err
	}
	topic := stream.Topic(fs.Arg(0))
	if !slices.Contains(stream.Sources(), topic) {
		return fmt.Errorf("%q is none of the topics %q", topic, stream.Sources())
	}
	if len(skip) > 0 && !replay {
		return errors.New("-skip goes with -replay")
	}
	kafka, err := dialKafka(ctx, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kafka.Close(context.WithoutCancel(ctx))) }()
	if !replay {
		return listLetters(ctx, kafka, topic, out)
	}
	n, err := kafka.Replay(ctx, topic, func(l stream.Letter) bool {
		return slices.Contains(skip, place{l.Partition, l.Offset})
	})
	fmt.Fprintf(out, "%d dead letters of %s were given to its consumers again\n", n, topic)
	return err
}

func listLetters(ctx context.Context, kafka *stream.Client, topic stream.Topic, out io.Writer) error {
	n := 0
	err := kafka.Letters(ctx, topic, func(l stream.Letter) error {
		n++
		value := l.Value
		more := ""
		if len(value) > shownValue {
			value, more = value[:shownValue], fmt.Sprintf(" … of %d bytes", len(l.Value))
		}
		_, err := fmt.Fprintf(out, "%d:%d\t%s\tkey %q\t%q\n\t%q%s\n", l.Partition, l.Offset,
			l.Timestamp.UTC().Format(time.RFC3339), l.Key, l.Reason, value, more)
		return err
	})
	if err == nil {
		fmt.Fprintf(out, "%d dead letters of %s\n", n, topic)
	}
	return err
}

func parsePlaces(text string) ([]place, error) {
	var places []place
	for one := range strings.SplitSeq(text, ",") {
		var p place
		if n, err := fmt.Sscanf(one, "%d:%d", &p.partition, &p.offset); n != 2 || err != nil || fmt.Sprintf("%d:%d", p.partition, p.offset) != one {
			return nil, fmt.Errorf("%q: want PARTITION:OFFSET,… as the list shows them", text)
		}
		places = append(places, p)
	}
	return places, nil
}
