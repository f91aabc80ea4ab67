-- KEYS log, history, withdrawn   ARGV 1 since or before  2 seq  3 most entries to return
-- Reply {epoch or "", last seq, withdrawn, envelope…}: oldest first since a seq, newest first before one (0: the end).
local log = redis.call('HMGET', KEYS[1], 'e', 's')
local reply, entries = {log[1] or '', log[2] or '0', ''}, nil
if ARGV[1] == 'since' then
  entries = redis.call('XRANGE', KEYS[2], (ARGV[2] + 1) .. '-0', '+', 'COUNT', ARGV[3])
else
  local from = '+'
  if ARGV[2] ~= '0' then
    -- An entry's id is its last seq: the one that holds the message before is the first that doesn't end earlier.
    local at = redis.call('XRANGE', KEYS[2], (ARGV[2] - 1) .. '-0', '+', 'COUNT', 1)
    if at[1] then from = at[1][1] end
  end
  entries = redis.call('XREVRANGE', KEYS[2], from, '-', 'COUNT', ARGV[3])
end
reply[3] = withdrawn(KEYS[3], entries)
for _, entry in ipairs(entries) do reply[#reply + 1] = entry[2][2] end
return reply
