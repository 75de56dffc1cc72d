"""Clients of Redis: an asynchronous one, and a blocking one for RQ."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from pydantic import SecretStr
from redis.backoff import ExponentialBackoff
from redis.exceptions import OutOfMemoryError, ResponseError
from redis.retry import Retry

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0  # pictures of tens of megabytes go over the wire
OUT_OF_MEMORY = "OOM command not allowed"
PAUSE_SECONDS = 0.05, 1.0  # the first pause between two tries, and the longest


def asynchronous(url: SecretStr, *, tries: int = 1) -> redis.asyncio.Redis:
    """For the running event loop. With several `tries`, a command survives a restart of Redis."""
    retry = redis.asyncio.retry.Retry(ExponentialBackoff(PAUSE_SECONDS[1], PAUSE_SECONDS[0]), tries)
    return redis.asyncio.Redis.from_url(url.get_secret_value(), retry=retry, **_options())


def synchronous(url: SecretStr, *, tries: int = 1) -> redis.Redis:
    """For RQ."""
    retry = Retry(ExponentialBackoff(PAUSE_SECONDS[1], PAUSE_SECONDS[0]), tries)
    return redis.Redis.from_url(url.get_secret_value(), retry=retry, **_options())


async def ask(connection: redis.asyncio.Redis, *command: str | bytes | float) -> Any:
    """Run one command; redis-py leaves what its methods return untyped or undecided."""
    execute: Any = connection.execute_command
    return await execute(*command)


def execute_blocking(connection: redis.Redis, *command: str | bytes | memoryview | float) -> Any:
    """The same for code without an event loop."""
    execute: Any = connection.execute_command
    return execute(*command)


def is_out_of_memory(error: Exception) -> bool:
    """Whether Redis refused a write because it is at its `maxmemory`; within a script the refusal comes as text."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, ResponseError) and OUT_OF_MEMORY in str(error))


def _options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "health_check_interval": 30,
        "protocol": 2,
    }
