-- KEYS mutes, bans, moderators, settings, words   ARGV 1 most mutes or bans to return
-- Reply {mutes, bans, moderators, settings, words}; mutes or bans are false when they are more.
-- Rules stay as long as the room is used, and for 90 days after.
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 7776000) end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- prune drops what has ended.
local function prune(key, pairs)
  local kept = {}
  for i = 1, #pairs, 2 do
    local ends = tonumber(pairs[i + 1])
    if ends > 0 and ends <= now then
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

return {few(KEYS[1]), few(KEYS[2]), redis.call('SMEMBERS', KEYS[3]), redis.call('HGETALL', KEYS[4]), redis.call('SMEMBERS', KEYS[5])}
