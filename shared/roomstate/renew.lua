-- KEYS  a room: pods, members of this pod, members to be, joined, uniques
-- ARGV  1 pod  2 lease (ms), then a room: users, guests, 1 if all users are listed, new guests, listed users, and these:
--       the names of the new guests, the users
-- Reply for a room: {online, unique, user who left…}
local call, at, reply = redis.call, 3, {}

local function take(n)
  local list = {}
  for i = 0, n - 1 do list[i + 1] = ARGV[at + i] end
  at = at + n
  return list
end

for k = 1, #KEYS, 5 do
  local pods, members, fresh, joined, uniques = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  local head = take(5)
  local guests, users = take(tonumber(head[4])), take(tonumber(head[5]))
  local left = {}
  if head[1] == '0' and head[2] == '0' then
    left = call('SMEMBERS', members)
    call('UNLINK', members)
    call('HDEL', pods, ARGV[1])
  else
    call('HSET', pods, ARGV[1], (now + ARGV[2]) .. ' ' .. head[1] .. ' ' .. head[2] .. ' ' .. head[3])
    call('PEXPIRE', pods, 2 * ARGV[2])
    if #users > 0 then
      call('SADD', fresh, unpack(users))
      local came = call('SDIFF', fresh, members)
      if #came > 0 then
        call('PFADD', uniques, unpack(came))
        call('ZREM', joined, unpack(came)) -- the socket renews the lease that joining gave
      end
      if head[3] == '1' then left = call('SDIFF', members, fresh) end
      call('RENAME', fresh, members)
      call('PEXPIRE', members, ARGV[2])
    else
      left = call('SMEMBERS', members)
      call('UNLINK', members)
    end
  end
  if #guests > 0 then call('PFADD', uniques, unpack(guests)) end
  if #guests + #users > 0 then call('EXPIRE', uniques, 172800) end
  local answer = {count(pods, joined), call('PFCOUNT', uniques)}
  for _, user in ipairs(left) do answer[#answer + 1] = user end
  reply[#reply + 1] = answer
end
return reply
