-- KEYS log, history, withdrawn   ARGV 1 epoch  2 seq  3 what stands in its place  4 messages kept
-- Reply 1; 0 when the room's sequence is another one by now, and so its history.
local log = redis.call('HMGET', KEYS[1], 'e', 's')
if log[1] ~= ARGV[1] then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[3], ARGV[2], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', log[2] - 2 * ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[2] .. ' ' .. ARGV[3])
local left = redis.call('PTTL', KEYS[2])
if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
return 1
