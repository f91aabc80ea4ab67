-- KEYS pods, joined, uniques   ARGV 1 user (empty: only count)  2 lease in ms (0: leave)   Reply {online, unique}
if ARGV[1] ~= '' then
  if ARGV[2] == '0' then
    redis.call('ZREM', KEYS[2], ARGV[1])
  else
    redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    redis.call('PFADD', KEYS[3], ARGV[1])
    redis.call('EXPIRE', KEYS[3], 172800)
  end
end
return {count(KEYS[1], KEYS[2]), redis.call('PFCOUNT', KEYS[3])}
