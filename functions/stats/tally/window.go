// Package tally says what a record of the log means to the counts, and sums a batch of them: no I/O, no clock, and
// nothing that depends on where the batch was cut.
package tally

import (
	"maps"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Counts are what happened in a room, or in all of them.
type Counts struct {
	Danmu int64
	Likes int64
	Gifts int64
	Coins live.Coins
}

// Add sums.
func (c *Counts) Add(o Counts) {
	c.Danmu += o.Danmu
	c.Likes += o.Likes
	c.Gifts += o.Gifts
	c.Coins += o.Coins
}

// Segment is a stretch of one room's events within one session. Heat holds points by the step of time they fell into;
// those from before an end are gone, as an ended room is not hot.
type Segment struct {
	Counts Counts
	Heat   map[int64]int64
	Ended  bool
}

func (s *Segment) warm(step, points int64) {
	if s.Ended {
		return
	}
	if s.Heat == nil {
		s.Heat = make(map[int64]int64)
	}
	s.Heat[step] += points
}

func (s *Segment) end() { s.Ended, s.Heat = true, nil }

// follow appends what came after s.
func (s *Segment) follow(o Segment) {
	s.Counts.Add(o.Counts)
	if o.Ended {
		s.end()
	}
	for step, points := range o.Heat {
		s.warm(step, points)
	}
}

// Delta is what a window changes in one room: Before belongs to the session that is known, Since to the one that began
// in the window, if Session (its start in Unix ms) is not 0. Whether that session is new is known where the counts are
// kept: a start may be told twice, and only the first one counts from nothing.
type Delta struct {
	Session       int64
	Before, Since Segment
	Joined        bool // somebody came: the room's peak may have risen
}

func (d *Delta) add(e Event, heat Heat) {
	if e.Started > d.Session {
		d.Before.follow(d.Since)
		d.Since = Segment{}
		d.Session = e.Started
	}
	s := &d.Before
	if d.Session > 0 {
		s = &d.Since
	}
	s.Counts.Add(e.Counts)
	if e.Stopped {
		s.end()
	}
	if points := heat.points(e); points > 0 {
		s.warm(e.At/heatStep, points)
	}
	d.Joined = d.Joined || e.Joined > 0
}

// Window is the sum of consecutive events of one partition. The zero Window is that of none.
type Window struct {
	Rooms   map[live.RoomID]*Delta
	Total   Counts
	Viewers map[Viewer]struct{}
}

// Viewer is a user who came into any room on a day: the number of days of UTC since 1970.
type Viewer struct {
	Day  int64
	User live.UserID
}

const dayMS = 24 * 60 * 60 * 1000

// Time is the day's beginning.
func (v Viewer) Time() time.Time { return time.UnixMilli(v.Day * dayMS).UTC() }

// Fold returns the window of w's events followed by these. It depends on nothing else and leaves w as it was. Where a
// batch is cut changes nothing: Fold(Fold(w, a), b) equals Fold(w, a+b).
func Fold(w Window, events []Event, heat Heat) Window {
	out := w.clone()
	for _, e := range events {
		d := out.Rooms[e.Room]
		if d == nil {
			d = &Delta{}
			out.Rooms[e.Room] = d
		}
		d.add(e, heat)
		out.Total.Add(e.Counts)
		for _, user := range e.Viewers {
			out.Viewers[Viewer{Day: e.At / dayMS, User: user}] = struct{}{}
		}
	}
	return out
}

func (w Window) clone() Window {
	rooms := make(map[live.RoomID]*Delta, len(w.Rooms))
	for id, d := range w.Rooms {
		c := *d
		c.Before.Heat, c.Since.Heat = maps.Clone(d.Before.Heat), maps.Clone(d.Since.Heat)
		rooms[id] = &c
	}
	viewers := make(map[Viewer]struct{}, len(w.Viewers))
	maps.Copy(viewers, w.Viewers)
	return Window{Rooms: rooms, Total: w.Total, Viewers: viewers}
}
