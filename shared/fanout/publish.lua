-- One batch of a room: dedupe, display budget, next seqs, history, fan out.
-- KEYS  log, history, seen (even windows), seen (odd windows)
-- ARGV  1 candidate epoch  2 origin  3 batch  4 origin's persisted watermark  5,6 highest epoch and seq the caller knows
--       7 display rate  8 messages kept  9 PUBLISH or SPUBLISH  10 channel  11 dedupe window (ms)
--       12 classes, a letter each, d = may be shed, m = a mark  13 traces "i=traceparent,…"  14 payloads, a line each  15… ids
-- Reply {epoch, first seq} when all are new and shown, else {epoch, first seq, outcome…}: "<seq>" followed by
--       nothing (new), o (an earlier try of this very batch), p (duplicate, persisted), n (duplicate, not known to be).
local call = redis.call
local FIRST = 15
local log = call('HMGET', KEYS[1], 'e', 's', 't', 'w', 'x')
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local epoch, seq, renew = log[1], tonumber(log[2] or 0), tonumber(log[5] or 0)
-- Fewer than the caller has seen: Redis lost data (a restart from a snapshot, a failover). Epochs sort by age.
if not epoch or epoch < ARGV[5] or (epoch == ARGV[5] and seq < tonumber(ARGV[6])) then
  epoch, seq, renew = ARGV[1], 0, 0
  call('UNLINK', KEYS[2])
end

local window, stored = math.floor(now / ARGV[11]), tonumber(log[4])
if stored and window < stored then window = stored end
local cur, prev = KEYS[3 + window % 2], KEYS[3 + (window + 1) % 2]
if window ~= stored then
  renew = 0
  if stored then call('UNLINK', cur) end
  if stored and window - stored > 1 then call('UNLINK', prev) end
end

local n = #ARGV - FIRST + 1
local known, dup = call('HMGET', cur, unpack(ARGV, FIRST)), false
for i = 1, n do if known[i] then dup = true break end end
if call('EXISTS', prev) == 1 then
  local older = call('HMGET', prev, unpack(ARGV, FIRST))
  for i = 1, n do if older[i] then dup = true; known[i] = known[i] or older[i] end end
end

-- GCRA with a burst of one second; tat is the time at which the budget is full again.
local rate, tat, free = tonumber(ARGV[7]), tonumber(log[3] or 0), n
if tat < now then tat = now end
if rate > 0 then free = math.floor((now + 1000 - tat) * rate / 1000 + 0.0001) end

local function persisted(origin, batch)
  if origin == '' then return true end
  local mark = ARGV[4]
  if origin ~= ARGV[2] then mark = call('HGET', cur, '!' .. origin) or call('HGET', prev, '!' .. origin) or 0 end
  return tonumber(mark) >= tonumber(batch)
end

local tail = '|' .. ARGV[2] .. '|' .. ARGV[3]
local seen, first, reply, body, traces = {}, seq + 1, nil, ARGV[14], ARGV[13]
local sheddable = 0
if rate > 0 then
  for i = 1, n do if string.byte(ARGV[12], i) == 100 then sheddable = sheddable + 1 end end
end
if not dup and sheddable <= free and not string.find(ARGV[12], 'm', 1, true) then
  for i = 1, n do
    seen[2 * i - 1] = ARGV[FIRST + i - 1]
    seen[2 * i] = (seq + i) .. tail
  end
  seq = seq + n
  if rate > 0 then tat = tat + sheddable * 1000 / rate end
else
  reply = {epoch, first}
  local lines, place, i = {}, {}, 0
  for line in string.gmatch(ARGV[14], '[^\n]+') do
    i = i + 1
    local id, out = ARGV[FIRST + i - 1], nil
    if known[i] then
      local s, origin, batch = string.match(known[i], '^(%d+)|([^|]*)|(%d+)$')
      if origin == ARGV[2] and batch == ARGV[3] and origin ~= '' then out = s .. 'o'
      elseif persisted(origin, batch) then out = s .. 'p'
      else
        out = s .. 'n'
        seen[#seen + 1] = id
        seen[#seen + 1] = s .. tail
      end
    else
      local class = string.byte(ARGV[12], i)
      local shown = class ~= 109
      if rate > 0 and class == 100 then
        shown = free > 0
        if shown then free = free - 1; tat = tat + 1000 / rate end
      end
      if shown then
        seq = seq + 1
        lines[#lines + 1] = line
        place[i - 1] = #lines - 1
        out = tostring(seq)
      else
        out = '0'
      end
      seen[#seen + 1] = id
      seen[#seen + 1] = out .. tail
    end
    reply[i + 2] = out
  end
  body = table.concat(lines, '\n')
  local kept = {}
  for at, parent in string.gmatch(ARGV[13], '(%d+)=([^,]+)') do
    local to = place[tonumber(at)]
    if to then kept[#kept + 1] = to .. '=' .. parent end
  end
  traces = table.concat(kept, ',')
end

if seq >= first then
  if traces ~= '' then traces = ' ' .. traces end
  local envelope = 'S ' .. epoch .. ' ' .. first .. ' ' .. (seq - first + 1) .. traces .. '\n' .. body
  call('XADD', KEYS[2], 'MINID', '~', math.max(seq - ARGV[8] + 1, 0), seq .. '-0', 'b', envelope)
  call(ARGV[9], ARGV[10], envelope)
end
if #seen > 0 then
  if ARGV[4] ~= '0' then
    seen[#seen + 1] = '!' .. ARGV[2]
    seen[#seen + 1] = ARGV[4]
  end
  call('HSET', cur, unpack(seen))
end
call('HSET', KEYS[1], 'e', epoch, 's', seq, 'w', window)
if rate > 0 then call('HSET', KEYS[1], 't', string.format('%.3f', tat)) end
if now >= renew then
  -- Times to live are renewed once a minute, and again with each call while one of the keys isn't there yet.
  local all = call('EXPIRE', KEYS[1], 86400) + call('EXPIRE', KEYS[2], 3600)
    + call('EXPIRE', cur, math.ceil(ARGV[11] * 2 / 1000) + 120)
  call('HSET', KEYS[1], 'x', all == 3 and now + 60000 or 0)
end
return reply or {epoch, first}
