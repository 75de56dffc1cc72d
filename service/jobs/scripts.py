"""The Lua scripts that change jobs. Redis runs each as one step, so that no crash leaves half a change behind.

Keys (one Redis, not a cluster):
    inpaint:job:<id>          hash: the record; `item:<n>` holds an item's outcome. No picture.
    inpaint:inputs:<id>       hash: image:<n>, mask:<n>, and perhaps reference
    inpaint:results:<id>      hash: <n>:<k> = the bytes of item n's picture k: its samples, then what it includes
    inpaint:owner:<owner>     sorted set of a key's jobs, by number
    inpaint:waiting           sorted set of the jobs that wait, by their place in line (turns.py)
    inpaint:running           sorted set of the jobs that run
    inpaint:bytes             hash -> bytes reserved for pictures, by job id or `idempotency:<key>`; inpaint:bytes:until
                              says when each goes, inpaint:bytes:total is their sum. JOBS_MAX_BYTES bounds it.
    inpaint:idempotency:<key> hash: a claim or its answer (idempotency.py)
    inpaint:webhooks          sorted set id -> seconds since 1970 when its webhook is due (outbox.py)
    inpaint:counts            hash: counters;  inpaint:histogram:<name>  hash: buckets
    inpaint:work              hash: what the jobs' processes did (service/telemetry/work.py)
"""

from __future__ import annotations

from service.jobs.turns import LINE
from service.telemetry.jobs import JOB_SECONDS_BUCKETS

PREFIX = "inpaint:"
ENDED = f"{PREFIX}ended"  # the channel on which the id of a job is published when it has ended

PRELUDE = f"""
local id, now, prefix = ARGV[1], tonumber(ARGV[2]), '{PREFIX}'
local record, inputs, results = prefix .. 'job:' .. id, prefix .. 'inputs:' .. id, prefix .. 'results:' .. id
local waiting, running = prefix .. 'waiting', prefix .. 'running'
local kept, webhooks = prefix .. 'bytes', prefix .. 'webhooks'
local state = redis.call('HGET', record, 'state')
{LINE}
local function forget_bytes(job)
  local bytes = redis.call('HGET', kept, job)
  if bytes then
    redis.call('HDEL', kept, job)
    redis.call('ZREM', kept .. ':until', job)
    redis.call('DECRBY', kept .. ':total', bytes)
  end
end

local function forget_lapsed()
  for _, job in ipairs(redis.call('ZRANGEBYSCORE', kept .. ':until', '-inf', now)) do forget_bytes(job) end
end

local function bytes_kept()
  return tonumber(redis.call('GET', kept .. ':total') or '0')
end

local function keep_bytes(job, bytes, till)
  forget_bytes(job)
  redis.call('HSET', kept, job, bytes)
  redis.call('ZADD', kept .. ':until', till, job)
  redis.call('INCRBY', kept .. ':total', bytes)
end

-- Redis at its maxmemory refuses the writes of a script that has written nothing yet, and lets others finish. So a step
-- that frees memory or must not be lost begins with this.
local function also_when_full()
  redis.call('DEL', prefix .. 'nothing')
end

local function expire_at(key, seconds)
  redis.call('PEXPIREAT', key, string.format('%.0f', seconds * 1000))
end

local function count(name)
  redis.call('HINCRBY', prefix .. 'counts', name, 1)
end

local function observe(name, seconds)
  local key, bucket = prefix .. 'histogram:' .. name, '+Inf'
  for _, bound in ipairs({{{", ".join(f"'{bound}'" for bound in JOB_SECONDS_BUCKETS)}}}) do
    if seconds <= tonumber(bound) then bucket = bound break end
  end
  redis.call('HINCRBY', key, bucket, 1)
  redis.call('HINCRBYFLOAT', key, 'sum', tostring(seconds))
end

local function finish(new_state, problem, expires_at, forget_at)
  redis.call('HSET', record, 'state', new_state, 'finished_at', ARGV[2], 'expires_at', expires_at, 'problem', problem)
  redis.call('DEL', inputs)
  leave_line(id)
  redis.call('ZREM', running, id)
  expire_at(record, forget_at)
  count('jobs:' .. new_state)
  redis.call('PUBLISH', prefix .. 'ended', id)
  if redis.call('HGET', record, 'webhook_url') then
    redis.call('ZADD', webhooks, now, id)
    redis.call('HSET', record, 'webhook_next_at', ARGV[2])
  end
end
"""

# depth, max bytes, bytes to reserve, seconds until the reservation lapses, owner, bytes of the inputs, places of one
# caller, caller, model, pictures, 1 if of high priority, then the record
RESERVE = """
if state then return {'exists', 0} end
forget_lapsed()
if redis.call('ZCARD', waiting) >= tonumber(ARGV[3]) or places_of(ARGV[10]) >= tonumber(ARGV[9]) then
  for _, job in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
    local known = redis.call('HMGET', prefix .. 'job:' .. job, 'state', 'expires_at')
    if known[1] ~= 'queued' or tonumber(known[2]) < now then leave_line(job) end
  end
end
local depth, own = redis.call('ZCARD', waiting), places_of(ARGV[10])
if depth >= tonumber(ARGV[3]) then return {'depth', depth} end
if own >= tonumber(ARGV[9]) then return {'share', own} end
local total = bytes_kept()
if total + tonumber(ARGV[5]) > tonumber(ARGV[4]) then return {'bytes', total} end
local number, lapse = redis.call('INCR', prefix .. 'number'), now + tonumber(ARGV[6])
redis.call('HSET', record, 'state', 'queued', 'owner', ARGV[7], 'number', number, 'tries', 0, 'expires_at', lapse,
  'stored', ARGV[8], unpack(ARGV, 14))
expire_at(record, lapse)
enter_line(id, number, ARGV[10], ARGV[11], ARGV[12], ARGV[13])
redis.call('ZADD', prefix .. 'owner:' .. ARGV[7], number, id)
redis.call('ZREMRANGEBYRANK', prefix .. 'owner:' .. ARGV[7], 0, -10001)
keep_bytes(id, ARGV[5], lapse)
return {'reserved', number}
"""

# expires_at, forget_at: the pictures are in; from now on the job stays
CONFIRM = """
also_when_full()
if state ~= 'queued' then return 0 end
redis.call('HSET', record, 'expires_at', ARGV[3])
expire_at(record, ARGV[4])
expire_at(inputs, ARGV[3])
keep_bytes(id, redis.call('HGET', kept, id) or 0, ARGV[3])
return 1
"""

# nothing was accepted: leave no trace
WITHDRAW = """
also_when_full()
if state then redis.call('ZREM', prefix .. 'owner:' .. redis.call('HGET', record, 'owner'), id) end
redis.call('DEL', record, inputs, results)
leave_line(id)
forget_bytes(id)
return 1
"""

# most attempts, expires_at, forget_at -> {'run' | 'over' | 'exhausted', number of the attempt}
BEGIN = """
also_when_full()
if state ~= 'queued' and state ~= 'running' then return {'over', 0} end
if tonumber(redis.call('HGET', record, 'expires_at')) < now then
  finish('expired', '', now, ARGV[5])
  redis.call('DEL', results)
  forget_bytes(id)
  return {'over', 0}
end
local try = redis.call('HINCRBY', record, 'tries', 1)
take_turn(id)
leave_line(id)
redis.call('ZADD', running, now, id)
redis.call('HSET', record, 'state', 'running', 'expires_at', ARGV[4])
if redis.call('HSETNX', record, 'started_at', ARGV[2]) == 1 then
  observe('job_queue_seconds', now - tonumber(redis.call('HGET', record, 'created_at')))
end
expire_at(record, ARGV[5])
expire_at(inputs, ARGV[4])
if redis.call('EXISTS', results) == 1 then expire_at(results, ARGV[4]) end
keep_bytes(id, redis.call('HGET', kept, id) or 0, ARGV[4])
if try - tonumber(redis.call('HGET', record, 'uncounted') or 0) > tonumber(ARGV[3]) then return {'exhausted', try} end
return {'run', try}
"""

# An attempt that ended because its worker had to stop does not count. `tries` stays: it is the number of the attempt.
DO_NOT_COUNT = """
also_when_full()
if state == 'running' then redis.call('HINCRBY', record, 'uncounted', 1) end
return 1
"""

# attempt, max bytes, item, outcome, then its pictures: only the running attempt writes, and only once.
# -> {'settled' | 'over' | 'full', bytes kept}. The place for the pictures was reserved; should they be larger than
# anybody can expect, they must fit beside everything else.
SETTLE_ITEM = """
if state ~= 'running' or redis.call('HGET', record, 'tries') ~= ARGV[3] then return {'over', 0} end
if redis.call('HEXISTS', record, 'item:' .. ARGV[5]) == 1 then return {'settled', 0} end
if #ARGV == 6 then also_when_full() end
local reserved, stored = tonumber(redis.call('HGET', kept, id) or '0'), tonumber(redis.call('HGET', record, 'stored'))
for place = 7, #ARGV do stored = stored + #ARGV[place] end
local more, total = math.max(0, stored - reserved), bytes_kept()
if more > 0 and total + more > tonumber(ARGV[4]) then return {'full', total} end
redis.call('HSET', record, 'item:' .. ARGV[5], ARGV[6], 'stored', stored)
local till = redis.call('HGET', record, 'expires_at')
for place = 7, #ARGV do redis.call('HSET', results, ARGV[5] .. ':' .. (place - 7), ARGV[place]) end
if #ARGV > 6 then expire_at(results, till) end
if more > 0 then keep_bytes(id, stored, till) end
return {'settled', total + more}
"""

# attempt, state, problem, expires_at, forget_at
FINISH = """
also_when_full()
if state ~= 'running' or redis.call('HGET', record, 'tries') ~= ARGV[3] then return 0 end
finish(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
observe('job_run_seconds', now - tonumber(redis.call('HGET', record, 'started_at')))
local bytes = 0
for _, field in ipairs(redis.call('HKEYS', results)) do bytes = bytes + redis.call('HSTRLEN', results, field) end
if bytes > 0 then
  expire_at(results, ARGV[6])
  keep_bytes(id, bytes, ARGV[6])
else
  forget_bytes(id)
end
return 1
"""

# forget_at -> the state before; a job that had ended loses its pictures at once
CANCEL = """
also_when_full()
if state == 'queued' or state == 'running' then
  finish('canceled', '', now, ARGV[3])
elseif state and tonumber(redis.call('HGET', record, 'expires_at')) > now then
  redis.call('HSET', record, 'expires_at', now)
end
redis.call('DEL', inputs, results)
forget_bytes(id)
return state
"""

# RQ puts a job at the end of its list; from there it goes to its place
ARRANGE = """
also_when_full()
arrange()
return 1
"""

SCRIPTS = {
    "reserve": RESERVE,
    "confirm": CONFIRM,
    "withdraw": WITHDRAW,
    "begin": BEGIN,
    "do_not_count": DO_NOT_COUNT,
    "settle_item": SETTLE_ITEM,
    "finish": FINISH,
    "cancel": CANCEL,
    "arrange": ARRANGE,
}
