-- KEYS 1 the stamp, in microseconds   ARGV 1 interval  2 burst, in microseconds  3 events
-- Reply 0, or the microseconds to wait. See gcra.take in limit.go.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local stamp = tonumber(redis.call('GET', KEYS[1]) or 0)
local after = math.max(stamp, now) + interval * ARGV[3]
if after - now > burst then
  return math.ceil(math.min(after - now - burst, math.max(stamp - now, interval)))
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return 0
