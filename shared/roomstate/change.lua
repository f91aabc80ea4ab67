-- KEYS settings, mutes, bans, moderators, words
-- ARGV 1 version (0: none), then each command: its name, which key, how many arguments, these
-- Reply 1: it is in force, or something newer is; 0: what was decided before is missing here
local version, at = tonumber(ARGV[1]), 2
if version > 0 then
  local has = tonumber(redis.call('HGET', KEYS[1], 'v') or -1)
  if has < version - 1 then return 0 end
  if has >= version then return 1 end
  redis.call('HSET', KEYS[1], 'v', ARGV[1])
end
while at < #ARGV do
  local last = at + 2 + ARGV[at + 2]
  redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, last))
  at = last + 1
end
return 1
