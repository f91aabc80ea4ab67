-- KEYS 1 info   ARGV 1 when updated, in Unix microseconds  2 the room  3 seconds to live   Reply 1 if it is kept
local at = redis.call('HGET', KEYS[1], 'at')
if at and tonumber(at) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'at', ARGV[1], 'room', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
