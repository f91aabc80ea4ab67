package roomstate

import (
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Every Redis key of the platform is named in this file. All keys of one room share the hash tag {<room id>}, so that
// a cluster keeps them in one slot and one script may touch them.

func roomKey(room live.RoomID, part string) string {
	b := make([]byte, 0, 48)
	b = append(b, "room:{"...)
	b = strconv.AppendInt(b, int64(room), 10)
	b = append(b, '}')
	return string(append(b, part...))
}

// ChannelOf is the pub/sub channel of the room: room:{42}.
func ChannelOf(room live.RoomID) string { return roomKey(room, "") }

// LogKey is a hash: epoch, last seq, display budget and dedupe window of the room's sequence.
func LogKey(room live.RoomID) string { return roomKey(room, ":log") }

// HistoryKey is a stream of the room's recent batches; an entry's id is its last seq.
func HistoryKey(room live.RoomID) string { return roomKey(room, ":history") }

// WithdrawnKey is a sorted set, by seq: what stands in the room's history in place of messages that were deleted.
func WithdrawnKey(room live.RoomID) string { return roomKey(room, ":withdrawn") }

// SeenKeys are two hashes of message ids, used in turn, a dedupe window each.
func SeenKeys(room live.RoomID) (even, odd string) {
	return roomKey(room, ":seen:0"), roomKey(room, ":seen:1")
}

// InfoKey is a hash with the cached room.
func InfoKey(room live.RoomID) string { return roomKey(room, ":info") }

// PodsKey is a hash: pod → its viewers in the room and until when they count.
func PodsKey(room live.RoomID) string { return roomKey(room, ":pods") }

// MembersKey is a set of the users that one pod holds in the room.
func MembersKey(room live.RoomID, pod string) string { return roomKey(room, ":members:"+pod) }

// JoinedKey is a sorted set of the users that joined over HTTP, by the end of their lease in ms.
func JoinedKey(room live.RoomID) string { return roomKey(room, ":joined") }

// UniquesKey is a HyperLogLog of all who have watched the room's session.
func UniquesKey(room live.RoomID) string { return roomKey(room, ":uniques") }

// MutesKey and BansKey are hashes: user → Unix ms of the end, 0 for ever, and the reason.
func MutesKey(room live.RoomID) string { return roomKey(room, ":mutes") }

// BansKey: see MutesKey.
func BansKey(room live.RoomID) string { return roomKey(room, ":bans") }

// ModeratorsKey is a set of users.
func ModeratorsKey(room live.RoomID) string { return roomKey(room, ":moderators") }

// SettingsKey is a hash of the room's moderation settings, and the version of all its rules.
func SettingsKey(room live.RoomID) string { return roomKey(room, ":settings") }

// WordsKey holds the room's blocked words, a line each.
func WordsKey(room live.RoomID) string { return roomKey(room, ":words") }

// TurnKey holds when the user last wrote in the room, while it is in slow mode, and which message.
func TurnKey(room live.RoomID, user live.UserID) string {
	return roomKey(room, ":turn:"+strconv.FormatInt(int64(user), 10))
}

// PaceKey is a hash: how much was written in the room, by windows of time, and what adaptive slow mode made of it.
func PaceKey(room live.RoomID) string { return roomKey(room, ":pace") }

// HeldKey is a hash of danmu that wait for a moderator, by sender and id; HeldOrderKey a sorted set of them by when they
// have waited long enough.
func HeldKey(room live.RoomID) string { return roomKey(room, ":held") }

// HeldOrderKey: see HeldKey.
func HeldOrderKey(room live.RoomID) string { return roomKey(room, ":held:order") }

// userShards bounds the number of hashes that hold the leases of all users.
const userShards = 8

// generation is how long one hash of user leases takes new entries. What is known of a user who is away is forgotten
// after one to two generations.
const generation = 7 * 24 * time.Hour

func userShard(user live.UserID) int { return int(uint64(user) % userShards) }

// UserLeasesKey is a hash: user → when last seen, and the rooms watched with the ends of their leases.
func UserLeasesKey(shard int, generation int64) string {
	tag := strconv.Itoa(shard)
	return "presence:{u" + tag + "}:" + strconv.FormatInt(generation, 10)
}

// LimitKey holds one GCRA state of the named limit. The keys of a limit share a slot: one script call decides about many.
func LimitKey(name, key string) string { return "limit:{" + name + "}:" + key }

// StatsKey names a part of the counts that the stats function keeps for one partition of the log: all keys of a
// partition share one slot, as one script writes them. space is "stats", or another name for a second set of counts.
func StatsKey(space string, partition int32, part string) string {
	return "{" + space + ":" + strconv.Itoa(int(partition)) + "}:" + part
}

// StatsRoomKey is a hash: session, ended, danmu, likes, gifts, coins, peak.
func StatsRoomKey(space string, partition int32, room live.RoomID) string {
	return StatsKey(space, partition, "room:"+strconv.FormatInt(int64(room), 10))
}

// StatsAllKey names what the stats function keeps for all partitions together, in a slot of its own.
func StatsAllKey(space, part string) string { return "{" + space + ":all}:" + part }

// OrderKey holds the fingerprint of a gift order that was placed within the last day.
func OrderKey(order string) string { return "order:{" + order + "}" }

// ComboKey is a hash: gift order → the count of the combo with it, of one sender and gift in a room.
func ComboKey(room live.RoomID, user live.UserID, gift live.GiftID) string {
	return roomKey(room, ":combo:"+strconv.FormatInt(int64(user), 10)+":"+strconv.FormatInt(int64(gift), 10))
}

// GiftersKey is a sorted set: user → coins given to the room on the day (YYYY-MM-DD, UTC).
func GiftersKey(room live.RoomID, day string) string { return roomKey(room, ":gifters:"+day) }

// GifterVersionsKey is a hash: user → version of the total in GiftersKey, a space, and the nickname.
func GifterVersionsKey(room live.RoomID, day string) string {
	return roomKey(room, ":gifters:"+day+":versions")
}
