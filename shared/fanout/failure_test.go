package fanout_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

// proxy stands between a client and a server, and can cut all connections.
type proxy struct {
	addr  string
	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, from, server)
			p.mu.Unlock()
			all.Go(func() { _, _ = io.Copy(server, from); _ = server.Close() })
			all.Go(func() { _, _ = io.Copy(from, server); _ = from.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		all.Wait()
	})
	return p
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close() // both ends are closed by whoever sees it first
	}
	p.conns = nil
}

func TestSubscriberSurvivesCutConnections(t *testing.T) {
	rdb := redistest.Embedded(t)
	sink, p := newRecorder(t), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	px := newProxy(t, rdb.Options().Addr)
	s := start(t, redistest.Client(t, px.addr), fanout.Config{}, sink)
	rooms := []live.RoomID{redistest.Room(), redistest.Room(), redistest.Room()}
	want := make(map[live.RoomID][]string)
	for _, room := range rooms {
		subscribe(t, s, room)
	}
	for i := range 200 {
		for _, room := range rooms {
			say(t, p, room, strconv.Itoa(i))
			want[room] = append(want[room], strconv.Itoa(i))
		}
		if i%50 == 25 {
			px.cut()
		}
	}
	for _, room := range rooms {
		sink.await(room, want[room]...)
	}
	if stats := s.Stats(); stats.Reconnects == 0 || stats.Lost != 0 {
		t.Fatalf("got %+v", stats)
	}
}

func needServer(t *testing.T) {
	t.Helper()
	if !redistest.Installed() {
		t.Skip("redis-server is not installed")
	}
}

func TestSubscriberFollowsARestartThatLostEverything(t *testing.T) {
	needServer(t)
	server := redistest.StartServer(t)
	rdb := redistest.Client(t, server.Addr)
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{Publisher: p}, sink)
	subscribe(t, s, room)
	say(t, p, room, "1", "2")
	sink.await(room, "1", "2")
	server.Kill(t)
	server.Start(t)
	sink.until(room, func(rec *record) bool { return len(rec.events) == 3 }) // the subscriber comes back first
	say(t, p, room, "new 1")
	sink.await(room, "1", "2", "new epoch, lost 1-0", "new 1")
}

func TestSubscriberFollowsARestartFromASnapshot(t *testing.T) {
	needServer(t)
	server := redistest.StartServer(t)
	rdb := redistest.Client(t, server.Addr)
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	subscribe(t, start(t, rdb, fanout.Config{}, sink), room)
	say(t, p, room, "1", "2")
	if err := rdb.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	say(t, p, room, "3")
	sink.await(room, "1", "2", "3")
	server.Kill(t)
	server.Start(t)
	other := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	sink.until(room, func(rec *record) bool { return len(rec.events) == 4 })
	say(t, other, room, "new 1")
	sink.await(room, "1", "2", "3", "new epoch, lost 1-0", "new 1")
}

// A sink that stands still: Redis cuts the connection when its output buffer is full, and nothing is lost.
func TestSubscriberRepairsWhatRedisDropped(t *testing.T) {
	needServer(t)
	server := redistest.StartServer(t, "--client-output-buffer-limit", "pubsub 256kb 256kb 1")
	rdb := redistest.Client(t, server.Addr)
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{History: 100_000}), newRecorder(t)
	sink.block = make(chan struct{})
	release := sync.OnceFunc(func() { close(sink.block) })
	t.Cleanup(release)
	s := start(t, rdb, fanout.Config{QueueBytes: 64 << 10}, sink)
	subscribe(t, s, room)
	filler := strings.Repeat("x", 50_000)
	var want []string
	for i := 0; i < 1000; i++ {
		text := strconv.Itoa(i) + filler
		say(t, p, room, text)
		want = append(want, text)
		if clients, err := rdb.ClientList(t.Context()).Result(); err != nil || !strings.Contains(clients, "sub=1") {
			break
		}
	}
	if len(want) == 1000 {
		t.Fatal("Redis never dropped the connection")
	}
	release()
	got := sink.until(room, func(rec *record) bool { return len(rec.events) == len(want) })
	if !slices.Equal(got, want) {
		t.Fatalf("got %d messages that differ from those sent", len(got))
	}
	if stats := s.Stats(); stats.Reconnects == 0 || stats.Repaired == 0 || stats.Lost != 0 {
		t.Fatalf("got %+v", stats)
	}
}

// cluster is a running cluster with a subscriber that hears one room on each master.
type cluster struct {
	*redistest.Cluster
	rdb   *redis.ClusterClient
	rooms []live.RoomID
	sink  *recorder
	s     *fanout.Subscriber
	p     *fanout.Publisher
	want  map[live.RoomID][]string
}

func startCluster(t *testing.T, replicas int) *cluster {
	needServer(t)
	c := &cluster{Cluster: redistest.StartCluster(t, replicas), sink: newRecorder(t), want: make(map[live.RoomID][]string)}
	c.rdb = redistest.ClusterClient(t, c.Addrs())
	c.p = fanout.NewPublisher(c.rdb, fanout.PublisherConfig{})
	c.s = start(t, c.rdb, fanout.Config{Publisher: c.p}, c.sink)
	for len(c.rooms) < 3 {
		room := redistest.Room()
		if c.OwnerOf(t, roomstate.LogKey(room)) == len(c.rooms) {
			c.rooms = append(c.rooms, room)
			subscribe(t, c.s, room)
		}
	}
	return c
}

// say publishes the next n messages to each room; while the cluster changes it tries again, with the same ids.
func (c *cluster) say(t *testing.T, n int) {
	t.Helper()
	for range n {
		for _, room := range c.rooms {
			text := strconv.Itoa(len(c.want[room]))
			redistest.Await(t, "the message to get through", func(ctx context.Context) error {
				_, err := c.p.Publish(ctx, room, []fanout.Item{{Sender: "u", ID: text, Payload: []byte(text)}})
				return err
			})
			c.want[room] = append(c.want[room], text)
		}
	}
}

func TestClusterMovesASlot(t *testing.T) {
	c := startCluster(t, 0)
	c.say(t, 20)
	moving := make(chan struct{})
	go func() {
		defer close(moving)
		c.MoveSlot(t, roomstate.LogKey(c.rooms[0]), 0, 1)
	}()
	c.say(t, 200)
	<-moving
	c.say(t, 20)
	for _, room := range c.rooms {
		c.sink.await(room, c.want[room]...)
	}
	if stats := c.s.Stats(); stats.Lost != 0 {
		t.Fatalf("got %+v", stats)
	}
}

func TestClusterLosesANode(t *testing.T) {
	c := startCluster(t, 1)
	c.say(t, 20)
	for _, room := range c.rooms {
		c.sink.await(room, c.want[room]...)
	}
	// What the replica has not got when its master dies is lost; here it has everything.
	redistest.Await(t, "the replica to have everything", func(ctx context.Context) error {
		master := redistest.Client(t, c.Servers[0].Addr)
		n, err := master.Wait(ctx, 1, 0).Result()
		if err == nil && n != 1 {
			err = fmt.Errorf("%d replicas have it", n)
		}
		return err
	})
	c.Servers[0].Kill(t)
	c.say(t, 30)
	for _, room := range c.rooms {
		c.sink.await(room, c.want[room]...)
	}
	if stats := c.s.Stats(); stats.Lost != 0 || stats.Reconnects == 0 {
		t.Fatalf("got %+v", stats)
	}
	for i, room := range c.rooms {
		if got := subscribeAgain(t, c.s, room); int(got.Seq) != len(c.want[room]) {
			t.Fatalf("room %d: got position %+v", i, got)
		}
	}
}

func subscribeAgain(t *testing.T, s *fanout.Subscriber, room live.RoomID) fanout.Position {
	t.Helper()
	s.Unsubscribe(room)
	return subscribe(t, s, room)
}
