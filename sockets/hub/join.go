package hub

import (
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// maxAhead is how many messages another pod may have shown before this one: a client that resumes from further ahead
// is not believed.
const maxAhead = 1000

// Joining is what a connection brings to a room.
type Joining struct {
	User    live.UserID // 0 for a guest
	Tag     any
	Expires time.Time  // of the token; zero: never
	Packed  bool       // the client agreed to permessage-deflate without context takeover
	Epoch   live.Epoch // with Seq: where the client was, "" if it is new
	Seq     live.Seq
}

// Position is where a connection's part of the log begins: everything after Seq follows by itself, once and in order.
// What is older is the caller's to send, as private messages with Member.Start.
type Position struct {
	Epoch     live.Epoch // "" when the room has heard of none yet
	Seq       live.Seq
	Recovered bool  // Joining.Seq was in the log: the rest follows from there
	Missed    int64 // messages after Joining.Seq that are already there, if Recovered
}

// Join puts a connection into the room. Its place in the log is taken at once, so nothing is missed or doubled however
// long the caller needs until Member.Start; only then anything is sent.
func (r *Room) Join(c Conn, j Joining) (*Member, Position) {
	h := r.hub
	shard := int(h.turn.Add(1)) % len(h.shards)
	m := &Member{Tag: j.Tag, conn: c, room: r, shard: h.shards[shard], user: j.User, packed: j.Packed, expires: h.expiry(j.Expires)}
	m.heard.Store(m.shard.clock.Load())
	h.members.Add(1)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.present[shard]++
	r.count++
	if j.Packed {
		r.log.packing = r.packers.Add(1) > 0
	}
	if j.User != 0 {
		r.named++
		m.sibling = r.users[j.User]
		r.users[j.User] = m
	}
	return m, r.place(m, j)
}

// place sets the member's cursor.
func (r *Room) place(m *Member, j Joining) Position {
	l := &r.log
	m.cursor, m.seq, m.epoch = l.end, l.seq, l.epochs
	at := Position{Epoch: l.epoch, Seq: l.seq}
	if j.Epoch == "" || j.Epoch != l.epoch || j.Seq < l.baseSeq || j.Seq > l.seq+maxAhead {
		return at
	}
	at.Seq, at.Recovered = j.Seq, true
	m.seq = j.Seq
	if j.Seq > l.seq {
		m.flags |= ahead
		return at
	}
	at.Missed = int64(l.seq - j.Seq)
	var v view
	l.look(&v)
	if pos, ok := v.after(j.Seq); ok {
		m.cursor = pos
	}
	return at
}

// leave takes the member out of the room's lists.
func (r *Room) leave(m *Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.present[m.shard.index]--
	r.count--
	if m.packed {
		r.log.packing = r.packers.Add(-1) > 0
	}
	if m.user == 0 {
		return
	}
	r.named--
	if head := r.users[m.user]; head != m {
		for head.sibling != m {
			head = head.sibling
		}
		head.sibling = m.sibling
	} else if m.sibling != nil {
		r.users[m.user] = m.sibling
	} else {
		delete(r.users, m.user)
	}
	m.sibling = nil
}

// Users returns who is in the room, each once, and how many connections have no user.
func (r *Room) Users() (users []live.UserID, guests int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	users = make([]live.UserID, 0, len(r.users))
	for user := range r.users {
		users = append(users, user)
	}
	return users, int(r.count - r.named)
}

// Len counts the connections in the room.
func (r *Room) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.count)
}

// Last is the epoch and the seq of the newest message, "" and 0 when there was none yet.
func (r *Room) Last() (live.Epoch, live.Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.epoch, r.log.seq
}

// of returns the connections of one user.
func (r *Room) of(user live.UserID) []*Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	var members []*Member
	for m := r.users[user]; m != nil; m = m.sibling {
		members = append(members, m)
	}
	return members
}

// SendUser queues a private message for all connections of the user in the room and returns how many took it.
func (r *Room) SendUser(user live.UserID, payload []byte) int {
	sent := 0
	for _, m := range r.of(user) {
		if m.Send(payload) == nil {
			sent++
		}
	}
	return sent
}

// CloseUser closes all connections of the user in the room and returns how many there were.
func (r *Room) CloseUser(user live.UserID, code wire.CloseCode, reason string) int {
	members := r.of(user)
	for _, m := range members {
		m.Close(code, reason)
	}
	return len(members)
}

// Close closes every connection that has started in the room, after what its log holds now.
func (r *Room) Close(code wire.CloseCode, reason string) {
	for _, s := range r.hub.shards {
		s.post(op{kind: opCloseRoom, room: r, code: code, reason: reason})
	}
}
