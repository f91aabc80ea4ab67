-- Takes totals into one ranking, but for those of which a later version is there.
-- KEYS: ranking (user by coins), versions (user → version, a space, nickname).
-- ARGV: ms to keep, then user, coins, version, nickname for each total.
for i = 2, #ARGV, 4 do
  local user, coins, version, nickname = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local known = redis.call('HGET', KEYS[2], user)
  local had, name = 0, ''
  if known then
    local space = string.find(known, ' ', 1, true)
    had, name = tonumber(string.sub(known, 1, space - 1)), string.sub(known, space + 1)
  end
  if tonumber(version) >= had then
    if nickname == '' then nickname = name end
    redis.call('HSET', KEYS[2], user, version .. ' ' .. nickname)
    if coins == '0' then
      redis.call('ZREM', KEYS[1], user)
    else
      redis.call('ZADD', KEYS[1], coins, user)
    end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
