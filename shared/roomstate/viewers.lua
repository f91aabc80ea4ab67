-- KEYS pods, joined   ARGV 1 limit   Reply {online, user…}: a sample, with users of several pods more than once
local online = count(KEYS[1], KEYS[2])
local reply = {online}
local function add(members)
  for _, user in ipairs(members) do reply[#reply + 1] = user end
end
local sets = audience(KEYS[1])
for _, set in ipairs(sets) do add(redis.call('SRANDMEMBER', set, ARGV[1])) end
add(redis.call('ZRANGE', KEYS[2], 0, ARGV[1] - 1))
return reply
