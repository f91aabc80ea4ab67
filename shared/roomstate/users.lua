-- KEYS 1 leases of some users   ARGV 1 lease in seconds  2 who holds it, then each user and "<rooms held>;<rooms left>",
-- rooms as "42,43". A value is "<seen>|<room>@<holder>:<end>,…", in Unix seconds; what has ended goes with a write.
local MOST = 32
local now = tonumber(redis.call('TIME')[1])
local ends, holder, users = now + ARGV[1], ARGV[2], {}
for i = 3, #ARGV, 2 do users[#users + 1] = ARGV[i] end
local old, fields = redis.call('HMGET', KEYS[1], unpack(users)), {}
for i, user in ipairs(users) do
  local held, left = string.match(ARGV[2 + 2 * i], '^([%d,]*);([%d,]*)$')
  local kept, mine = {}, ',' .. held .. ',' .. left .. ','
  for room in string.gmatch(held, '%d+') do
    if #kept < MOST then kept[#kept + 1] = room .. '@' .. holder .. ':' .. ends end
  end
  if old[i] then
    for room, by, other in string.gmatch(old[i], '(%d+)@(%w+):(%d+)') do
      local own = by == holder and string.find(mine, ',' .. room .. ',', 1, true)
      if not own and tonumber(other) > now and #kept < MOST then kept[#kept + 1] = room .. '@' .. by .. ':' .. other end
    end
  end
  fields[2 * i - 1], fields[2 * i] = user, now .. '|' .. table.concat(kept, ',')
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('EXPIRE', KEYS[1], 1814400)
return #users
