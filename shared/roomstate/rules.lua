-- KEYS settings, mutes, bans, moderators, words   ARGV 1 most mutes or bans to return  2 1 if rules can be restored
-- Reply {settings, mutes, bans, moderators}; mutes or bans are false when they are more; false alone when the room's
-- rules are not here and can be restored. Rules stay as long as the room is used, and for 90 days after.
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], 'v') == 0 then return false end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 7776000) end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- prune drops what has ended.
local function prune(key, pairs)
  local kept = {}
  for i = 1, #pairs, 2 do
    local ends = tonumber(string.match(pairs[i + 1], '^%d+'))
    if ends and ends > 0 and ends <= now then
      redis.call('HDEL', key, pairs[i])
    else
      kept[#kept + 1], kept[#kept + 2] = pairs[i], pairs[i + 1]
    end
  end
  return kept
end

local function few(key)
  if redis.call('HLEN', key) > tonumber(ARGV[1]) then
    prune(key, redis.call('HRANDFIELD', key, 200, 'WITHVALUES'))
    return false
  end
  return prune(key, redis.call('HGETALL', key))
end

return {redis.call('HGETALL', KEYS[1]), few(KEYS[2]), few(KEYS[3]), redis.call('SMEMBERS', KEYS[4])}
