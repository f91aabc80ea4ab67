-- Adds one window to the counts of a partition, unless the partition has moved on since the window was folded.
-- KEYS: watermark, total, hot, seen 0, seen 1, generation, watched, then one hash a room.
-- ARGV: expected watermark, next watermark, ids a generation, ms to keep ids, ms to keep rooms, rooms in the ranking,
--   total (danmu likes gifts coins), number of ids, the ids, then 15 a room:
--   id, session, before (danmu likes gifts coins ended heat), since (the same six), peak.
-- Returns 1 when added, 0 when the watermark is another one.
local at, total, hot, generation, watched = KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7]
if (redis.call('GET', at) or '') ~= ARGV[1] then return 0 end

local fields = {'danmu', 'likes', 'gifts', 'coins'}
local function count(key, i)
  for f = 1, 4 do
    if ARGV[i + f - 1] ~= '0' then redis.call('HINCRBY', key, fields[f], ARGV[i + f - 1]) end
  end
end

-- Heat is a logarithm: adding is log2(2^a + 2^b), without ever leaving the exponents.
local function warm(room, heat)
  local a, kept = tonumber(heat), redis.call('ZSCORE', hot, room)
  if kept then
    local b = tonumber(kept)
    a = math.max(a, b) + math.log(1 + 2 ^ -math.abs(a - b)) / math.log(2)
  end
  redis.call('ZADD', hot, string.format('%.17g', a), room)
end

local function segment(key, room, i)
  count(key, i)
  if ARGV[i + 4] == '1' then
    redis.call('HSET', key, 'ended', '1')
    redis.call('ZREM', hot, room)
  elseif ARGV[i + 5] ~= '' and redis.call('HGET', key, 'ended') ~= '1' then
    warm(room, ARGV[i + 5])
  end
end

local i = 11
local ids = tonumber(ARGV[i])
if ids > 0 then
  local g = tonumber(redis.call('GET', generation) or '0')
  if redis.call('SCARD', KEYS[4 + g]) >= tonumber(ARGV[3]) then
    g = 1 - g
    redis.call('DEL', KEYS[4 + g])
    redis.call('SET', generation, g)
  end
  for from = i + 1, i + ids, 1000 do
    redis.call('SADD', KEYS[4 + g], unpack(ARGV, from, math.min(from + 999, i + ids)))
  end
  redis.call('PEXPIRE', KEYS[4 + g], ARGV[4])
end
i = i + ids + 1

for k = 8, #KEYS do
  local key, room, session = KEYS[k], ARGV[i], ARGV[i + 1]
  if tonumber(session) > tonumber(redis.call('HGET', key, 'session') or '0') then
    redis.call('DEL', key)
    redis.call('ZREM', hot, room)
    redis.call('HSET', key, 'session', session)
  else
    segment(key, room, i + 2)
  end
  segment(key, room, i + 8)
  local peak = tonumber(ARGV[i + 14])
  if peak > tonumber(redis.call('HGET', key, 'peak') or '0') then redis.call('HSET', key, 'peak', peak) end
  redis.call('PEXPIRE', key, ARGV[5])
  -- Something happens here: somebody watches. Sampling asks how many, and must not forget the room meanwhile.
  if (redis.call('HGET', watched, room) or '0') == '0' then redis.call('HSET', watched, room, 'new') end
  i = i + 15
end

count(total, 7)
redis.call('ZREMRANGEBYRANK', hot, 0, -1 - tonumber(ARGV[6]))
redis.call('SET', at, ARGV[2])
return 1
