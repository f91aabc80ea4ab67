package main

import (
	"fmt"
	"io"
	"strings"
)

// banner tells a person where everything is. The wscat lines work as they stand.
func banner(w io.Writer, s *Stack) {
	row := func(name, value string) { fmt.Fprintf(w, "  %-10s %s\n", name, value) }
	fmt.Fprintln(w, "barrage: ready")
	if !s.servicesOnly {
		row("page", s.HTTPURL+"  (demo users anchor, viewer and admin; password "+demoPassword+")")
		row("dashboard", s.HTTPURL+"/dashboard/")
		row("API", s.HTTPURL+"/docs")
		row("sockets", s.SocketURL)
	}
	row("Kafka", strings.Join(s.services.kafka, ",")+s.services.note("Kafka"))
	row("Redis", strings.Join(s.services.redis, ",")+s.services.note("Redis"))
	row("S3", s.services.s3+s.services.note("S3"))
	row("data", s.data)
	if s.servicesOnly {
		exports(w, s.services)
		return
	}
	fmt.Fprintf(w, "\n  Watch as a guest:     wscat -c '%s?room_id=%d'\n", s.SocketURL, s.DemoRoom)
	fmt.Fprintf(w, "  Write as \"viewer\":    wscat -c '%s?room_id=%d&token=%s'\n", s.SocketURL, s.DemoRoom, s.DemoToken)
	fmt.Fprintf(w, "                        then type  {\"type\":\"danmu\",\"content\":\"hello\"}\n")
	fmt.Fprintln(w, "\n  Ctrl-C ends it.")
}

// exports prints what a main that runs beside this process needs in its environment. No password can be in it: an
// embedded part has none, and a real one's address came from the environment, where it still is.
func exports(w io.Writer, s *services) {
	fmt.Fprintln(w)
	set := map[string]string{"Kafka": "KAFKA_BROKERS=" + strings.Join(s.kafka, ","), "Redis": "REDIS_ADDRS=" + strings.Join(s.redis, ","),
		"SQLite": "DATABASE_URL=" + s.database, "S3": "AWS_ENDPOINT_URL_S3=" + s.s3}
	for _, name := range s.embedded {
		fmt.Fprintln(w, "  export", set[name])
	}
}

func (s *services) note(name string) string {
	for _, e := range s.embedded {
		if e == name {
			return "  (embedded)"
		}
	}
	return ""
}
