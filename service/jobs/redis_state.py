"""What is wrong with Redis, in words for the log and for /readyz: never an address, never a password."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from service.causes import causes
from service.jobs.redis_clients import ask, execute_blocking, is_out_of_memory

OLDEST = (6, 2)  # RQ moves jobs with LMOVE
AWAY = "it refuses the connection"
SLOW = "it does not answer in time"
FULL_MEMORY = "it is at its maxmemory and takes no pictures"
FULL_DISK = "it cannot write its files and refuses changes; its disk may be full"
LOADING = "it is still loading its data"
READ_ONLY = "it is a replica, which refuses changes"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RedisState:
    """`failures`: jobs cannot be taken. `risks`: they can, and may be lost."""

    failures: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line; empty when all is well."""
        return "; ".join((*self.failures, *self.risks))


async def look(connection: redis.asyncio.Redis) -> RedisState:
    """Ask Redis about itself."""
    try:
        return judged(await ask(connection, "INFO"))
    except (RedisError, OSError) as error:
        return RedisState(failures=(reason(error),))


def look_blocking(connection: redis.Redis) -> RedisState:
    """The same for code without an event loop."""
    try:
        return judged(execute_blocking(connection, "INFO"))
    except (RedisError, OSError) as error:
        return RedisState(failures=(reason(error),))


def judged(info: Mapping[str, Any]) -> RedisState:
    """What the answer of INFO means for jobs."""
    return RedisState(tuple(_failures(info)), tuple(_risks(info)))


def _failures(info: Mapping[str, Any]) -> Iterator[str]:
    version = str(info.get("redis_version", ""))
    if _numbers(version) < OLDEST:
        yield f"it is version {version}, and 6.2 is the oldest that works"
    if info.get("cluster_enabled"):
        yield "it is a cluster, and jobs need a single Redis"
    if info.get("role") == "slave":
        yield READ_ONLY
    if info.get("loading"):
        yield LOADING
    if "err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")):
        yield FULL_DISK
    counted = int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0))
    if 0 < int(info.get("maxmemory", 0)) <= counted and info.get("maxmemory_policy") == "noeviction":
        yield FULL_MEMORY


def _risks(info: Mapping[str, Any]) -> Iterator[str]:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield f"its maxmemory-policy is {policy}, which may drop accepted jobs; set noeviction"
    if not info.get("aof_enabled"):
        yield "it has no append-only file, so a restart may lose accepted jobs; set appendonly yes"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def reason(error: BaseException) -> str:
    """Why a call of Redis failed."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS, which rediss:// asks for"
        if isinstance(cause, socket.gaierror):
            return "the host of REDIS_URL has no address"
        if isinstance(cause, FileNotFoundError | PermissionError):
            return "the socket of REDIS_URL cannot be opened"
    if isinstance(error, AuthenticationError):
        return _refused_password(str(error).lower())
    return _reason_by_kind(error)


def _refused_password(said: str) -> str:
    if "authentication required" in said:
        return "it asks for a password, and REDIS_URL has none"
    if "without any password" in said:
        return "it has no password, and REDIS_URL has one"
    return "it refuses the user or the password of REDIS_URL"


def _reason_by_kind(error: BaseException) -> str:
    if isinstance(error, NoPermissionError):
        return "the user of REDIS_URL lacks a permission"
    if isinstance(error, Exception) and is_out_of_memory(error):
        return FULL_MEMORY
    if isinstance(error, BusyLoadingError):
        return LOADING
    if isinstance(error, ReadOnlyError):
        return READ_ONLY
    if str(error).startswith("MISCONF"):
        return FULL_DISK
    if str(error).startswith("DB index is out of range"):
        return "it has no database of that number"
    if isinstance(error, TimeoutError):
        return SLOW
    return AWAY if any(isinstance(cause, ConnectionRefusedError) for cause in causes(error)) else "it is not reachable"


class Noted:
    """Tells the log what is wrong with Redis, once whenever that changes."""

    def __init__(self) -> None:
        self._told = ""

    def note(self, state: RedisState) -> None:
        """Tell of `state`, if it is news."""
        if str(state) == self._told:
            return
        self._told = str(state)
        if state.failures or state.risks:
            logger.warning("Redis: %s", state)
        else:
            logger.info("Redis: all is well")
