package gateway

import (
	"sync/atomic"
	"time"
)

// meter is one connection's allowance of something: each use costs some time, and at most burst may be owed (GCRA). It
// is eight bytes, as every connection has two.
type meter struct{ owed atomic.Int64 } // until this Unix time in ns

// spend pays cost, or reports that burst is reached.
func (m *meter) spend(now time.Time, cost, burst time.Duration) bool {
	for {
		was := m.owed.Load()
		until := max(was, now.UnixNano()) + int64(cost)
		if until-now.UnixNano() > int64(burst) {
			return false
		}
		if m.owed.CompareAndSwap(was, until) {
			return true
		}
	}
}
