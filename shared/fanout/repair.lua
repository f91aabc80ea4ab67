-- What a subscriber that knows a position has to catch up on.
-- KEYS log, history, withdrawn   ARGV 1 candidate epoch  2,3 the position known  4 most entries to return (0: only the position)
-- Reply {epoch, last seq, withdrawn, envelope…}: the batches after the position, or all of the epoch if it is another one.
local log = redis.call('HMGET', KEYS[1], 'e', 's')
local epoch, seq = log[1], tonumber(log[2] or 0)
-- See publish.lua: Redis has lost data, or the room has no sequence yet.
if not epoch or epoch < ARGV[2] or (epoch == ARGV[2] and seq < tonumber(ARGV[3])) then
  epoch, seq = ARGV[1], 0
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'e', epoch, 's', 0, 'x', 0)
end
-- Somebody watches: the sequence and its history stay.
redis.call('EXPIRE', KEYS[1], 86400)
redis.call('EXPIRE', KEYS[2], 3600)
redis.call('EXPIRE', KEYS[3], 3600)
local reply, after = {epoch, tostring(seq), ''}, 0
if epoch == ARGV[2] then after = tonumber(ARGV[3]) end
if ARGV[4] ~= '0' and after < seq then
  local entries = redis.call('XRANGE', KEYS[2], (after + 1) .. '-0', '+', 'COUNT', ARGV[4])
  reply[3] = withdrawn(KEYS[3], entries)
  for _, entry in ipairs(entries) do reply[#reply + 1] = entry[2][2] end
end
return reply
