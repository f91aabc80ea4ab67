-- Shared by the presence scripts: counts a room's audience at a time, and forgets leases that have ended.
-- A user counts once over all pods while every pod keeps all of its members (up to 1,000 each) and the room is small;
-- in a larger room the pods' own counts are added up.
local EXACT = 2000
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- audience returns the live pods' member sets, their users and guests, and whether the sets are complete.
local function audience(pods)
  local entries, sets, users, guests, full = redis.call('HGETALL', pods), {}, 0, 0, true
  local members = string.gsub(pods, 'pods$', 'members:')
  for i = 1, #entries, 2 do
    local ends, u, g, f = string.match(entries[i + 1], '^(%d+) (%d+) (%d+) (%d)$')
    if not ends or tonumber(ends) <= now then
      redis.call('HDEL', pods, entries[i])
    else
      users, guests = users + u, guests + g
      if u ~= '0' then sets[#sets + 1] = members .. entries[i] end
      full = full and f == '1'
    end
  end
  return sets, users, guests, full
end

local function count(pods, joined)
  local sets, users, guests, full = audience(pods)
  redis.call('ZREMRANGEBYSCORE', joined, '-inf', now)
  local byHTTP = redis.call('ZCARD', joined)
  if not full or users + byHTTP > EXACT or #sets + byHTTP <= 1 then
    return users + byHTTP + guests
  end
  if byHTTP == 0 then return #redis.call('SUNION', unpack(sets)) + guests end
  local seen, n = {}, 0
  local function see(members)
    for _, user in ipairs(members) do
      if not seen[user] then seen[user], n = true, n + 1 end
    end
  end
  if #sets > 0 then see(redis.call('SUNION', unpack(sets))) end
  see(redis.call('ZRANGE', joined, 0, -1))
  return n + guests
end
