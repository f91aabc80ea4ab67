package main

import "golang.org/x/sys/unix"

// A result is what one worker saw. Workers' results add up.
type result struct {
	Latency  histogram            `json:"latency"`
	Holes    int64                `json:"holes"`   // numbers skipped without a gap message
	Doubled  int64                `json:"doubled"` // numbers seen twice or out of order
	Pings    int64                `json:"pings"`
	Packed   int64                `json:"packed"`    // messages that came compressed
	Churned  int64                `json:"churned"`   // connections that we ended ourselves
	Moved    int64                `json:"moved"`     // viewers that followed to the next pod
	LastMove int64                `json:"last_move"` // Unix µs
	Gaps     map[string]int64     `json:"gaps"`      // messages missed and declared, by reason
	Closes   map[int]int64        `json:"closes"`    // connections ended by the server, by close code
	Failures map[string]int64     `json:"failures"`
	Rooms    map[int64]*roomTally `json:"rooms"`
}

// A roomTally is what is needed to say how much should have arrived: a connection that stayed to the end should have
// the room's last number, one that left only what it had seen by then.
type roomTally struct {
	Last      int64 `json:"last"`      // the newest seq any reading connection saw
	Staying   int64 `json:"staying"`   // connections that stayed
	StaySum   int64 `json:"stay_sum"`  // sum of their numbers at the welcome
	LeftWant  int64 `json:"left_want"` // what those that left should have had
	Delivered int64 `json:"delivered"`
}

func (r *result) account(v *viewer, staying bool) {
	if v.stalled || v.slow {
		return
	}
	room := r.Rooms[v.room]
	if room == nil {
		room = &roomTally{}
		r.Rooms[v.room] = room
	}
	room.Last = max(room.Last, v.last)
	room.Delivered += v.count
	if staying {
		room.Staying++
		room.StaySum += v.start
	} else {
		room.LeftWant += v.last - v.start
	}
}

func (r *result) merge(o *result) {
	r.Latency.merge(o.Latency)
	r.Holes += o.Holes
	r.Doubled += o.Doubled
	r.Pings += o.Pings
	r.Packed += o.Packed
	r.Churned += o.Churned
	r.Moved += o.Moved
	r.LastMove = max(r.LastMove, o.LastMove)
	addInto(&r.Gaps, o.Gaps)
	addInto(&r.Closes, o.Closes)
	addInto(&r.Failures, o.Failures)
	if r.Rooms == nil {
		r.Rooms = map[int64]*roomTally{}
	}
	for id, room := range o.Rooms {
		mine := r.Rooms[id]
		if mine == nil {
			mine = &roomTally{}
			r.Rooms[id] = mine
		}
		mine.Last = max(mine.Last, room.Last)
		mine.Staying += room.Staying
		mine.StaySum += room.StaySum
		mine.LeftWant += room.LeftWant
		mine.Delivered += room.Delivered
	}
}

func addInto[K comparable](to *map[K]int64, from map[K]int64) {
	if *to == nil {
		*to = map[K]int64{}
	}
	for k, n := range from {
		(*to)[k] += n
	}
}

// delivered returns how many numbered messages arrived and how many should have.
func (r *result) delivered() (got, want int64) {
	for _, room := range r.Rooms {
		got += room.Delivered
		want += room.Staying*room.Last - room.StaySum + room.LeftWant
	}
	for _, missed := range r.Gaps {
		want -= missed // declared, and reported on its own
	}
	return got, want
}

// finish closes what is open; the event loop has ended.
func (w *worker) finish() *result {
	for fd := range w.conns {
		v := w.conns[fd].Load()
		if v == nil {
			continue
		}
		// What came with the handshake waits for the next read, which a connection of the last second has not had.
		w.consume(v, v.partial)
		if v.fd >= 0 {
			w.result.account(v, true)
			unix.Close(v.fd)
		}
	}
	for _, v := range append(w.stalls, w.slow...) {
		if v.fd >= 0 {
			unix.Close(v.fd)
		}
	}
	unix.Close(w.epoll)
	w.result.Moved, w.result.LastMove = w.moves.done, w.moves.last
	return &w.result
}
