-- KEYS settings, mutes, bans, moderators, words; and what mutes, bans and moderators are to be
-- ARGV 1 version  2 words, then the settings' fields and values   Reply 1, or 0 when Redis has something newer
if tonumber(redis.call('HGET', KEYS[1], 'v') or -1) > tonumber(ARGV[1]) then
  redis.call('UNLINK', KEYS[6], KEYS[7], KEYS[8])
  return 0
end
for i = 2, 4 do
  if redis.call('EXISTS', KEYS[i + 4]) == 1 then
    redis.call('RENAME', KEYS[i + 4], KEYS[i])
    redis.call('EXPIRE', KEYS[i], 7776000)
  else
    redis.call('UNLINK', KEYS[i])
  end
end
redis.call('SET', KEYS[5], ARGV[2], 'EX', 7776000)
redis.call('HSET', KEYS[1], 'v', ARGV[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], 7776000)
return 1
