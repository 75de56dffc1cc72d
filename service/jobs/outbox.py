"""The webhooks that are due. A job's end puts one there; it leaves when it is delivered, refused or given up.

Whoever delivers one claims it for a while. A claim that nobody settles lapses, and the webhook is due again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from service.jobs.redis_clients import ask
from service.jobs.scripts import PREFIX, PRELUDE

LEASE_SECONDS = 60.0  # beyond the time that a receiver has
POSTPONED_SECONDS = 1.0  # for what is due while its receiver has as many calls as one may have
LOOK_AT = 1000  # due ones in one look; what is postponed makes room for the others
PAUSE_SECONDS = (5, 30, 120, 600, 3600)  # after the first attempt, the second, ...: six in all

# until when it is claimed, free places, most of one receiver, until when others wait, then receiver, its calls, ...
# -> job, receiver, ...
CLAIM = f"""
also_when_full()
local free, most, busy, claimed = tonumber(ARGV[4]), tonumber(ARGV[5]), {{}}, {{}}
for at = 7, #ARGV, 2 do busy[ARGV[at]] = tonumber(ARGV[at + 1]) end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', webhooks, '-inf', now, 'LIMIT', 0, {LOOK_AT})) do
  if free == 0 then break end
  local url = redis.call('HGET', prefix .. 'job:' .. job, 'webhook_url') or ''
  local receiver = string.lower(string.match(url, '^%a+://([^/?#]+)') or '')
  if (busy[receiver] or 0) < most then
    busy[receiver], free = (busy[receiver] or 0) + 1, free - 1
    redis.call('ZADD', webhooks, ARGV[3], job)
    claimed[#claimed + 1], claimed[#claimed + 2] = job, receiver
  else
    redis.call('ZADD', webhooks, ARGV[6], job)
  end
end
return claimed
"""

# the claim, outcome, status, error, pause that the receiver asked for, then the pauses
# -> number of the attempt, outcome, when the next one is due or nothing
SETTLE = """
also_when_full()
local outcome, next_at = ARGV[4], ''
local tries = tonumber(redis.call('HGET', record, 'webhook_tries') or '0') + 1
local pause = tonumber(ARGV[7 + tries])
if outcome == 'unanswered' then
  if pause then next_at = string.format('%.6f', now + math.max(pause, tonumber(ARGV[7]))) else outcome = 'given_up' end
end
count('webhooks:' .. outcome)
local finished_at = tonumber(redis.call('HGET', record, 'finished_at') or '')
if outcome == 'delivered' and finished_at then observe('webhook_seconds', now - finished_at) end
if tonumber(redis.call('ZSCORE', webhooks, id) or '0') == tonumber(ARGV[3]) then
  if next_at ~= '' then redis.call('ZADD', webhooks, next_at, id) else redis.call('ZREM', webhooks, id) end
  if state then
    redis.call('HSET', record, 'webhook_tries', tries, 'webhook_next_at', next_at,
      'webhook_state', outcome == 'unanswered' and 'pending' or outcome)
  end
end
if state then redis.call('HSET', record, 'webhook_at', ARGV[2], 'webhook_status', ARGV[5], 'webhook_error', ARGV[6]) end
return {tries, outcome, next_at}
"""

# -> 'due', or what stands in the way: 'none' or 'early'
SEND_AGAIN = """
also_when_full()
if not redis.call('HGET', record, 'webhook_url') then return 'none' end
if state == 'queued' or state == 'running' then return 'early' end
redis.call('HSET', record, 'webhook_state', 'pending', 'webhook_tries', 0, 'webhook_next_at', ARGV[2])
redis.call('ZADD', webhooks, now, id)
return 'due'
"""


@dataclass(frozen=True)
class Outcome:
    """Of one attempt: "delivered", "refused" (by us or by the receiver, for good) or "unanswered"."""

    name: str
    status: int | None = None  # what the receiver answered
    error: str | None = None  # why there is no answer
    retry_after_seconds: float = 0.0  # what the receiver asks for


@dataclass(frozen=True)
class Settled:
    """What became of one attempt: "given_up" is the last "unanswered" one."""

    number: int
    outcome: str
    next_at: float | None  # seconds since 1970


class Outbox:
    """Claims and settles webhooks. Raises redis.RedisError while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim = redis.register_script(PRELUDE + CLAIM)
        self._settle = redis.register_script(PRELUDE + SETTLE)
        self._send_again = redis.register_script(PRELUDE + SEND_AGAIN)

    async def claim(
        self, free: int, most_of_one: int, busy: Mapping[str, int], receiver_seconds: float
    ) -> list[tuple[str, str]]:
        """Due ones as (job, receiver): at most `free`, and with those that are `busy` at most so many of a receiver."""
        now, calls = time.time(), [part for pair in busy.items() for part in pair]
        until, later = repr(now + LEASE_SECONDS + receiver_seconds), repr(now + POSTPONED_SECONDS)
        claimed: Any = await self._claim(args=["", repr(now), until, free, most_of_one, later, *calls])
        texts = [part.decode() for part in claimed]
        return list(zip(texts[::2], texts[1::2], strict=True))

    async def claim_of(self, job_id: str) -> float:
        """When it lapses, in seconds since 1970: `settle` looks whether it still is this claim. 0 without one."""
        lapses_at: float | None = await ask(self._redis, "ZSCORE", f"{PREFIX}webhooks", job_id)
        return lapses_at or 0.0

    async def settle(self, job_id: str, claim: float, outcome: Outcome) -> Settled:
        """Write what came of an attempt. If it was asked for again meanwhile, it stays due."""
        status, error = outcome.status or "", outcome.error or ""
        arguments = [repr(claim), outcome.name, status, error, outcome.retry_after_seconds, *PAUSE_SECONDS]
        number, name, next_at = await self._settle(args=[job_id, repr(time.time()), *arguments])
        return Settled(number, name.decode(), float(next_at) if next_at else None)

    async def forget(self, job_id: str) -> None:
        """Nothing is left to deliver."""
        await ask(self._redis, "ZREM", f"{PREFIX}webhooks", job_id)

    async def send_again(self, job_id: str) -> str:
        """Make it due now, with all its attempts: "due", or "none" without a webhook, "early" before the job's end."""
        answer: bytes = await self._send_again(args=[job_id, repr(time.time())])
        return answer.decode()
