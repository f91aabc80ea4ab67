-- KEYS pace, settings   ARGV 1 danmu since the caller's last report  2 length of a window (ms)
-- Reply {danmu, windows} that ended since they were last asked for, to the first caller of each window; else nil.
-- The caller decides on what they say alone.
local clock = redis.call('TIME')
local window = math.floor((clock[1] * 1000 + math.floor(clock[2] / 1000)) / ARGV[2])
local name = string.format('%d', window)
redis.call('HINCRBY', KEYS[1], name, ARGV[1])
redis.call('EXPIRE', KEYS[1], 3600)
local done = tonumber(redis.call('HGET', KEYS[1], 'done'))
redis.call('HSETNX', KEYS[1], 'done', string.format('%d', window - 1))
if not done or done >= window - 1 then return false end
local danmu, fields = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if tonumber(fields[i]) and tonumber(fields[i]) < window then
    danmu = danmu + fields[i + 1]
    redis.call('HDEL', KEYS[1], fields[i])
  end
end
redis.call('HSET', KEYS[1], 'done', string.format('%d', window - 1))
return {danmu, window - 1 - done, tonumber(redis.call('HGET', KEYS[1], 'calm') or 0), tonumber(redis.call('HGET', KEYS[2], 'pace_ms') or 0)}
