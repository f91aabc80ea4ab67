-- One batch of a room: dedupe, senders' rates, display budget, next seqs, history, fan out.
-- KEYS  log, history, seen (even windows), seen (odd windows), withdrawn
-- ARGV  1 candidate epoch  2 origin  3 batch  4 origin's persisted watermark  5,6 highest epoch and seq the caller knows
--       7 display rate  8 messages kept  9 PUBLISH or SPUBLISH  10 channel  11 dedupe window (ms)
--       12 classes, a letter each, d = may be shed, m = a mark  13 traces "i=traceparent,…"  14 payloads, a line each
--       15 limits: nothing, or four bytes each: which rate (0: none), which sender, how many ms ago it came in (two)
--       16 rates, "interval tolerance," each, in microseconds
--       17… ids, at most 250; then the senders of 15, at most as many
-- Reply {epoch, first seq} when all are new and shown, else {epoch, first seq, outcome…}: "<seq>" followed by
--       nothing (new), o (an earlier try of this very batch), p (duplicate, persisted), n (duplicate, not known to be),
--       or "<ms>w": its sender has to wait that long, and nothing is known of it.
-- What is seen of an id: "<seq>|<origin>|<batch>|", and a byte by which the seq is higher; of a sender: the time, in
-- microseconds, at which all of its rate's allowance is back (GCRA, as in shared/limit). A sender's tolerance is shorter
-- than a dedupe window, so that two windows hold all that counts.
-- Redis turns a number into text slowly, so this does it seldom and with %d.
local call, format = redis.call, string.format
local FIRST = 17
local log = call('HMGET', KEYS[1], 'e', 's', 't', 'w', 'x', 'p')
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local epoch, seq, renew = log[1], tonumber(log[2] or 0), tonumber(log[5] or 0)
-- Fewer than the caller has seen: Redis lost data (a restart from a snapshot, a failover). Epochs sort by age.
if not epoch or epoch < ARGV[5] or (epoch == ARGV[5] and seq < tonumber(ARGV[6])) then
  epoch, seq, renew = ARGV[1], 0, 0
  call('UNLINK', KEYS[2], KEYS[5])
  call('HSET', KEYS[1], 'e', epoch)
end

-- w is the dedupe window of the last call, p is 0 when nothing is known of the window before.
local window, stored, prevIsEmpty = math.floor(now / ARGV[11]), tonumber(log[4]), log[6] == '0'
if stored and window < stored then window = stored end
local cur, prev = KEYS[3 + window % 2], KEYS[3 + (window + 1) % 2]
if window ~= stored then
  renew = 0
  if stored then call('UNLINK', cur) end
  if stored and window - stored > 1 then call('UNLINK', prev) end
  prevIsEmpty = call('EXISTS', prev) == 0
  call('HSET', KEYS[1], 'w', format('%d', window), 'p', prevIsEmpty and '0' or '1')
end

local n, asked = #ARGV[12], #ARGV - FIRST + 1
local known, dup = call('HMGET', cur, unpack(ARGV, FIRST)), false
for i = 1, n do if known[i] then dup = true break end end
if not prevIsEmpty then
  local older = call('HMGET', prev, unpack(ARGV, FIRST))
  for i = 1, n do if older[i] then dup = true; known[i] = known[i] or older[i] end end
  for i = n + 1, asked do known[i] = known[i] or older[i] end
end

-- A message begins to count when it came in, so that those that wait for a batch together are no burst; what is known
-- costs nothing.
local waits, refused, stamps = {}, false, {}
if ARGV[15] ~= '' then
  local intervals, tolerances, micros = {}, {}, clock[1] * 1000000 + clock[2]
  for interval, tolerance in string.gmatch(ARGV[16], '(%d+) (%d+),') do
    intervals[#intervals + 1] = tonumber(interval)
    tolerances[#tolerances + 1] = tonumber(tolerance)
  end
  for i = 1, n do
    local rate, sender, high, low = string.byte(ARGV[15], 4 * i - 3, 4 * i)
    if rate > 0 and not known[i] then
      local at = micros - (high * 256 + low) * 1000
      local after = math.max(stamps[sender] or tonumber(known[n + sender] or 0), at) + intervals[rate]
      if after - micros > tolerances[rate] then
        waits[i], refused = math.max(math.ceil((after - tolerances[rate] - micros) / 1000), 1), true
      else
        stamps[sender] = after
      end
    end
  end
end

-- GCRA with a burst of one second; tat (kept in microseconds) is the time at which the budget is full again.
local rate, tat, free = tonumber(ARGV[7]), (log[3] or 0) / 1000, n
if tat < now then tat = now end
local sheddable = 0
if rate > 0 then
  free = math.floor((now + 1000 - tat) * rate / 1000 + 0.0001)
  for i = 1, n do if string.byte(ARGV[12], i) == 100 then sheddable = sheddable + 1 end end
end

local function persisted(origin, batch)
  if origin == '' then return true end
  local mark = ARGV[4]
  if origin ~= ARGV[2] then mark = call('HGET', cur, '!' .. origin) or call('HGET', prev, '!' .. origin) or 0 end
  return tonumber(mark) >= tonumber(batch)
end

local tail = '|' .. ARGV[2] .. '|' .. ARGV[3] .. '|'
local base, first = format('%d', seq), format('%d', seq + 1)
local seen, shown, reply, body, traces = {}, n, nil, ARGV[14], ARGV[13]
if not dup and not refused and sheddable <= free and not string.find(ARGV[12], 'm', 1, true) then
  local value = base .. tail
  for i = 1, n do
    seen[2 * i - 1] = ARGV[FIRST + i - 1]
    seen[2 * i] = value .. string.char(i)
  end
  if rate > 0 then tat = tat + sheddable * 1000 / rate end
else
  reply, shown = {epoch, seq + 1}, 0
  local lines, place, i = {}, {}, 0
  for line in string.gmatch(ARGV[14], '[^\n]+') do
    i = i + 1
    local id, out = ARGV[FIRST + i - 1], nil
    if known[i] then
      local s, origin, batch, above = string.match(known[i], '^(%d+)|([^|]*)|(%d+)|(.?)$')
      if above ~= '' then s = format('%d', s + string.byte(above)) end
      if origin == ARGV[2] and batch == ARGV[3] and origin ~= '' then out = s .. 'o'
      elseif persisted(origin, batch) then out = s .. 'p'
      else
        out = s .. 'n'
        seen[#seen + 1] = id
        seen[#seen + 1] = s .. tail
      end
    elseif waits[i] then
      out = format('%dw', waits[i])
    else
      local class = string.byte(ARGV[12], i)
      local show = class ~= 109
      if rate > 0 and class == 100 then
        show = free > 0
        if show then free = free - 1; tat = tat + 1000 / rate end
      end
      out = '0'
      if show then
        shown = shown + 1
        lines[shown] = line
        place[i - 1] = shown - 1
        out = format('%d', seq + shown)
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

local last = seq + shown
local text = format('%d', last)
if shown > 0 then
  if traces ~= '' then traces = ' ' .. traces end
  local envelope = 'S ' .. epoch .. ' ' .. first .. ' ' .. format('%d', shown) .. traces .. '\n' .. body
  if math.floor(last / 64) > math.floor(seq / 64) and last > tonumber(ARGV[8]) then
    call('XADD', KEYS[2], 'MINID', '~', format('%d', last - ARGV[8] + 1), text .. '-0', 'b', envelope)
  else
    call('XADD', KEYS[2], text .. '-0', 'b', envelope)
  end
  call(ARGV[9], ARGV[10], envelope)
end
for sender, stamp in pairs(stamps) do
  seen[#seen + 1] = ARGV[FIRST + n + sender - 1]
  seen[#seen + 1] = format('%d', stamp)
end
if #seen > 0 then
  if ARGV[4] ~= '0' then
    seen[#seen + 1] = '!' .. ARGV[2]
    seen[#seen + 1] = ARGV[4]
  end
  call('HSET', cur, unpack(seen))
end
if rate > 0 then
  call('HSET', KEYS[1], 's', text, 't', format('%d', tat * 1000))
else
  call('HSET', KEYS[1], 's', text)
end
if now >= renew then
  -- Times to live are renewed once a minute, and again with each call while one of the keys isn't there yet.
  local all = call('EXPIRE', KEYS[1], 86400) + call('EXPIRE', KEYS[2], 3600)
    + call('EXPIRE', cur, math.ceil(ARGV[11] * 2 / 1000) + 120)
  call('EXPIRE', KEYS[5], 3600) -- as long as the history it belongs to
  call('HSET', KEYS[1], 'x', all == 3 and format('%d', now + 60000) or '0')
end
return reply or {epoch, seq + 1}
