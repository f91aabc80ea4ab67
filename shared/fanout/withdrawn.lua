-- Before read.lua and repair.lua. withdrawn returns what stands in place of deleted messages of the entries: a line
-- each, "<seq> <payload>".
local function withdrawn(key, entries)
  if #entries == 0 then return '' end
  local a, b = entries[1], entries[#entries]
  local low = math.huge
  for _, entry in ipairs({a, b}) do
    low = math.min(low, tonumber(string.match(entry[2][2], '^S %S+ (%d+)') or 0))
  end
  local high = math.max(tonumber(string.match(a[1], '^%d+')), tonumber(string.match(b[1], '^%d+')))
  return table.concat(redis.call('ZRANGEBYSCORE', key, low, high), '\n')
end
