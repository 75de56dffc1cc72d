"""The order of the jobs that wait, in Lua: part of every script of scripts.py.

Callers take turns: the caller who has had least of late comes next, and a batch counts as its pictures (start-time fair
queueing). Among one caller's jobs its models take turns, so that many slow jobs hold up no quick one. Jobs of high
priority form a line of their own, which goes first; after three of them, one of the rest is taken: none waits for ever.
The whole line is ordered anew at every change: about a millisecond with a hundred jobs, twenty with a thousand.

Keys (besides those of scripts.py):
    inpaint:waiting:facts     hash: of each job that waits [number, caller, model, pictures, 1 if of high priority]
    inpaint:turns:<line>      sorted set: callers, by what they have had; `line` is 1 for high priority, else 0
    inpaint:turn:<line>       what the caller had had whose turn it was last: newcomers begin there
    inpaint:turns:models      sorted set: caller|model, by the time of its last turn
    inpaint:turns:in_a_row    jobs of high priority that were begun one after another
"""

from __future__ import annotations

HIGH_IN_A_ROW = 3  # jobs of high priority, then one of the rest if any waits
REMEMBERED_SECONDS = 3600  # who had turns is forgotten then

LINE = f"""
local queue, facts, turns = 'rq:queue:inpaint', waiting .. ':facts', prefix .. 'turns:'

local function clock(line)
  return tonumber(redis.call('GET', prefix .. 'turn:' .. line) or '0')
end

local function had(line, caller)
  return math.max(clock(line), tonumber(redis.call('ZSCORE', turns .. line, caller) or '0'))
end

local function read_fact(job, text, place)
  local fact = text and cjson.decode(text) or {{place, '', '', 1, 0}}  -- an older version wrote none
  return {{id = job, number = fact[1], caller = fact[2], model = fact[3], cost = fact[4], line = tostring(fact[5])}}
end

local function all_waiting()
  local jobs, texts, flat = {{}}, {{}}, redis.call('HGETALL', facts)
  for at = 1, #flat, 2 do texts[flat[at]] = flat[at + 1] end
  local ids = redis.call('ZRANGE', waiting, 0, -1, 'WITHSCORES')
  for at = 1, #ids, 2 do jobs[#jobs + 1] = read_fact(ids[at], texts[ids[at]], tonumber(ids[at + 1])) end
  table.sort(jobs, function(a, b) return a.number < b.number end)
  return jobs
end

-- the n-th job of each model before the n+1-th of any; `jobs` stand by number
local function let_models_take_turns(jobs)
  local rounds = {{}}
  for _, job in ipairs(jobs) do
    local lane = job.caller .. '|' .. job.model
    rounds[lane] = (rounds[lane] or 0) + 1
    job.round, job.last = rounds[lane], tonumber(redis.call('ZSCORE', turns .. 'models', lane) or '0')
  end
  table.sort(jobs, function(a, b)
    if a.round ~= b.round then return a.round < b.round end
    if a.last ~= b.last then return a.last < b.last end
    return a.number < b.number
  end)
end

local function one_line(jobs, line)
  let_models_take_turns(jobs)
  local reached = {{}}
  for _, job in ipairs(jobs) do
    job.at = reached[job.caller] or had(line, job.caller)
    reached[job.caller] = job.at + job.cost
  end
  table.sort(jobs, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.number < b.number
  end)
  return jobs
end

local function in_order()
  local lines, ordered = {{['0'] = {{}}, ['1'] = {{}}}}, {{}}
  for _, job in ipairs(all_waiting()) do table.insert(lines[job.line], job) end
  local high, rest = one_line(lines['1'], '1'), one_line(lines['0'], '0')
  local in_a_row, h, r = tonumber(redis.call('GET', turns .. 'in_a_row') or '0'), 1, 1
  while high[h] or rest[r] do
    if high[h] and (in_a_row < {HIGH_IN_A_ROW} or not rest[r]) then
      ordered[#ordered + 1], h, in_a_row = high[h].id, h + 1, in_a_row + 1
    else
      ordered[#ordered + 1], r, in_a_row = rest[r].id, r + 1, 0
    end
  end
  return ordered
end

-- RQ's list in this order. What is not waiting there is a job that is run again: it stays in front.
local function arrange()
  local places, front, listed = {{}}, {{}}, {{}}
  for place, job in ipairs(in_order()) do
    places[job] = place
    redis.call('ZADD', waiting, place, job)
  end
  for _, job in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    table.insert(places[job] and listed or front, job)
  end
  table.sort(listed, function(a, b) return places[a] < places[b] end)
  if #listed == 0 then return end
  redis.call('DEL', queue)
  for _, job in ipairs(front) do redis.call('RPUSH', queue, job) end
  for _, job in ipairs(listed) do redis.call('RPUSH', queue, job) end
end

local function enter_line(job, number, caller, model, cost, line)
  redis.call('ZADD', waiting, number, job)
  redis.call('HSET', facts, job, cjson.encode({{number, caller, model, tonumber(cost), tonumber(line)}}))
  arrange()
end

local function leave_line(job)
  redis.call('HDEL', facts, job)
  if redis.call('ZREM', waiting, job) == 1 then arrange() end
end

local function take_turn(job)
  local text = redis.call('HGET', facts, job)
  if not text then return end
  local fact = read_fact(job, text)
  local line, at = fact.line, had(fact.line, fact.caller)
  redis.call('SET', prefix .. 'turn:' .. line, at, 'EX', {REMEMBERED_SECONDS})
  redis.call('ZADD', turns .. line, at + fact.cost, fact.caller)
  redis.call('ZREMRANGEBYSCORE', turns .. line, '-inf', at)
  redis.call('EXPIRE', turns .. line, {REMEMBERED_SECONDS})
  redis.call('ZADD', turns .. 'models', now, fact.caller .. '|' .. fact.model)
  redis.call('ZREMRANGEBYSCORE', turns .. 'models', '-inf', now - {REMEMBERED_SECONDS})
  redis.call('EXPIRE', turns .. 'models', {REMEMBERED_SECONDS})
  if line == '1' then redis.call('INCR', turns .. 'in_a_row') else redis.call('DEL', turns .. 'in_a_row') end
end

local function places_of(caller)
  local count = 0
  for _, job in ipairs(all_waiting()) do if job.caller == caller then count = count + 1 end end
  return count
end
"""
