-- Writes down how many watch some rooms of a partition.
-- KEYS: watched, then one hash a room. ARGV: three a room: id, what watched held when we looked, viewers now.
-- A room nobody watches is forgotten at the second look, unless something has happened in it meanwhile.
local watched = KEYS[1]
for k = 2, #KEYS do
  local i = 3 * (k - 2)
  local room, seen, online = ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  if online > 0 then
    redis.call('HSET', watched, room, online)
    if redis.call('EXISTS', KEYS[k]) == 1 and online > tonumber(redis.call('HGET', KEYS[k], 'peak') or '0') then
      redis.call('HSET', KEYS[k], 'peak', online)
    end
  elseif seen ~= '0' then
    redis.call('HSET', watched, room, 0)
  elseif redis.call('HGET', watched, room) == '0' then
    redis.call('HDEL', watched, room)
  end
end
return 0
