package fanout

import (
	"crypto/rand"
	_ "embed" // the Lua scripts
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

//go:embed publish.lua
var publishLua string

//go:embed withdraw.lua
var withdrawLua string

//go:embed withdrawn.lua
var withdrawnLua string

//go:embed repair.lua
var repairLua string

//go:embed read.lua
var readLua string

// newEpoch returns a name that sorts after the epochs of earlier milliseconds and after known: the scripts take the
// greater of two epochs for the later one. Eight digits of base 36 hold milliseconds until the year 2059.
func newEpoch(now time.Time, known live.Epoch) live.Epoch {
	stamp := now.UnixMilli()
	if old, _, ok := strings.Cut(string(known), "-"); ok {
		if ms, err := strconv.ParseInt(old, 36, 64); err == nil && ms >= stamp {
			stamp = ms + 1
		}
	}
	return live.Epoch(strconv.FormatInt(stamp, 36) + "-" + strings.ToLower(rand.Text()[:6]))
}

// publishCommand is what reaches the subscribers: on a cluster only sharded pub/sub stays on the room's own node.
func publishCommand(rdb redis.UniversalClient) string {
	if _, ok := rdb.(*redis.ClusterClient); ok {
		return "SPUBLISH"
	}
	return "PUBLISH"
}
