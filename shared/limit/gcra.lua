-- KEYS the stamps, in microseconds, all of one slot
-- ARGV 1 interval  2 tolerance, in microseconds  then two a key: events that have happened, events that are asked for
-- Reply a key: 0 and what was asked for is taken, or the microseconds until it, or one event, would be.
-- What has happened is charged whatever it comes to, but for no more than a second burst: nobody waits for ever.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local waits = {}
for i, key in ipairs(KEYS) do
  local happened, asked = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local stamp = math.max(tonumber(redis.call('GET', key) or 0), now)
  local full = math.min(stamp + interval * happened, math.max(stamp, now + 2 * tolerance))
  local after = full + interval * math.max(asked, 1)
  if after - now > tolerance then
    waits[i] = math.ceil(math.min(after - now - tolerance, math.max(full - now, interval)))
    after = full
  else
    waits[i] = 0
    if asked == 0 then after = full end
  end
  if after > stamp then
    redis.call('SET', key, string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
  end
end
return waits
