package host

import (
	"context"
	"fmt"
	"slices"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/manifest"
)

// Kind is a function as every host opens it: how it is wired, and the servers of its row in the manifest. Each is a function
// below, so that a binary holds what the kinds it names need, and no client of a server that none of them asks.
type Kind struct {
	Name string
	Make Make
	uses []use
}

// use is a server to open, or what stands on several (late), which is opened when those are.
type use struct {
	resource manifest.Resource // empty: it is none
	late     bool
	open     func(*parts, context.Context) error
}

// With is the kind wired in another way, as tools and tests want it.
func (k Kind) With(make Make) Kind {
	k.Make = make
	return k
}

// Auth, Room, Gift, Stats, LookBack, Archive and Setup are the functions of the table.
func Auth() Kind {
	return Kind{Name: "auth", Make: functions.Auth, uses: []use{database(), redis(), signer(), covers(), state()}}
}

func Room() Kind {
	return Kind{Name: "room", Make: functions.Room, uses: []use{database(), redis(), kafka(), tokens(), covers(), state(), publisher(), takesIn()}}
}

func Gift() Kind {
	return Kind{Name: "gift", Make: functions.Gift, uses: []use{database(), redis(), kafka(), tokens(), state(), publisher()}}
}

func Stats() Kind {
	return Kind{Name: "stats", Make: functions.Stats, uses: []use{database(), redis(), kafka(), tokens(), past(), state()}}
}

func LookBack() Kind {
	return Kind{Name: "history", Make: functions.LookBack, uses: []use{database(), redis(), kafka(), past(), state()}}
}

func Archive() Kind {
	return Kind{Name: "archive", Make: functions.Archive, uses: []use{kafka(), archive(), tokens()}}
}

func Setup() Kind {
	return Kind{Name: "setup", Make: functions.Setup, uses: []use{database(), kafka(), past()}}
}

func database() use { return use{resource: manifest.Database, open: (*parts).openDatabase} }
func redis() use    { return use{resource: manifest.Redis, open: (*parts).openRedis} }
func kafka() use    { return use{resource: manifest.Kafka, open: (*parts).openKafka} }
func archive() use  { return use{resource: manifest.Archive, open: (*parts).openArchive} }
func covers() use   { return use{resource: manifest.Covers, open: (*parts).openCovers} }
func signer() use   { return use{resource: manifest.Signer, open: (*parts).openSigner} }
func tokens() use   { return use{resource: manifest.Tokens, open: (*parts).openTokens} }
func past() use     { return use{resource: manifest.History, late: true, open: (*parts).openHistory} }

func state() use     { return use{late: true, open: (*parts).openState} }
func publisher() use { return use{late: true, open: (*parts).openFanout} }
func takesIn() use   { return use{late: true, open: (*parts).openIntake} }

// agrees compares the servers with those of the row: settings and rights of a deployment follow from the row.
func (k Kind) agrees(row manifest.Function) error {
	var uses []manifest.Resource
	for _, u := range k.uses {
		if u.resource != "" {
			uses = append(uses, u.resource)
		}
	}
	want := slices.Clone(row.Uses)
	slices.Sort(uses)
	slices.Sort(want)
	if !slices.Equal(uses, want) {
		return fmt.Errorf("%s opens %v, and its row says %v", k.Name, uses, want)
	}
	return nil
}
