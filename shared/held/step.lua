-- KEYS  as in hold.lua   ARGV  1 name  2 states from which the step may be taken  3 state after it  4 what is kept then;
--       '': what was kept before  5 ms that it is kept  6 '1': but no longer than before
-- Reply what was kept of it before, nil if nothing; it is changed only if that was in one of the states.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ends, was = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0), redis.call('HGET', KEYS[2], ARGV[1])
if not was or ends <= now then return false end
if not string.find(ARGV[2], string.sub(was, 1, 1), 1, true) then return was end
local text, till = ARGV[4], now + ARGV[5]
if text == '' then text = string.sub(was, 2) end
if ARGV[6] == '1' and till > ends then till = ends end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] .. text)
redis.call('ZADD', KEYS[1], till, ARGV[1])
return was
