-- KEYS  1 order: name → when it ends, in ms  2 texts: name → what is kept of it (see held.go)
-- ARGV  1 ms that one waits  2 most of them  3… a name and a text, each
-- Reply a name: '+' it waits from now on, '-' there is no place, or what was kept of it before.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
if #over > 0 then
  redis.call('ZREM', KEYS[1], unpack(over))
  redis.call('HDEL', KEYS[2], unpack(over))
end
local left, reply = tonumber(ARGV[2]) - redis.call('ZCARD', KEYS[1]), {}
for i = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i])
  if known then
    reply[#reply + 1] = known
  elseif left <= 0 then
    reply[#reply + 1] = '-'
  else
    left = left - 1
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    reply[#reply + 1] = '+'
  end
end
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ARGV[1] * 2) end
return reply
