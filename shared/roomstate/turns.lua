-- KEYS a user's last turn, each   ARGV 1 least time between two turns (ms), then the id of each message
-- Reply how long to wait, in ms, each; 0: it is the user's turn now, or this very message has had it.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local slow, waits = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  local at, id = string.match(redis.call('GET', key) or '', '^(%d+) (.*)$')
  local left = at and id ~= ARGV[i + 1] and at + slow - now or 0
  if left <= 0 then
    left = 0
    if id ~= ARGV[i + 1] then redis.call('SET', key, string.format('%d', now) .. ' ' .. ARGV[i + 1], 'PX', slow) end
  end
  waits[i] = left
end
return waits
