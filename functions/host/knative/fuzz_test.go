package knative

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Whatever is posted as an event is answered with one of the three statuses, and only a whole record reaches a handler.
func FuzzEvent(f *testing.F) {
	f.Add("", "/k#live-messages", "partition:2#41", "m", "value")
	f.Add(`{"specversion":"1.0","id":"x","type":"dev.knative.kafka.event","source":"/k#live-messages","subject":"partition:0#1","data_base64":"YQ=="}`, "", "", "", "")
	f.Add(`{"specversion":"1.0","id":"x","type":"dev.knative.sources.ping","source":"/p","data":{"job":"fold"}}`, "", "", "", "")
	f.Fuzz(func(t *testing.T, structured, source, subject, header, value string) {
		handle := func(_ context.Context, part []stream.Record) (int, error) {
			if len(part) != 1 || part[0].Topic != stream.LiveMessages || part[0].Offset < 0 || part[0].Partition < 0 {
				t.Errorf("got %+v", part)
			}
			return 1, nil
		}
		h := Serve(http.NotFoundHandler(), &Events{
			Batches: map[stream.Topic]stream.BatchFunc{stream.LiveMessages: handle},
			Jobs:    map[string]func(context.Context) error{"fold": func(context.Context) error { return nil }},
			Log:     telemetry.Discard().Logger(),
		})
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(structured+value))
		if structured != "" {
			req.Header.Set("Content-Type", "application/cloudevents+json")
		} else {
			req.Header = http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"x"}, "Ce-Type": {typeKafka}, "Ce-Source": {source},
				"Ce-Subject": {subject}, "Ce-Kafkaheadermessageid": {header}}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusNoContent, http.StatusBadRequest, http.StatusServiceUnavailable:
		default:
			t.Errorf("got status %d", w.Code)
		}
	})
}
