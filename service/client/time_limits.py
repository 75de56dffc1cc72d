"""One time limit for a whole call, whatever it waits for: a connection, a slow upload, an answer in drops.

httpx limits each silence on the line. Here every step gets what is left of the call, and progress does not extend it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

import httpx

CONNECT_SECONDS = 10.0
SHORTEST_SECONDS = 0.001  # 0 would mean something else to a socket


class Left(Mapping[str, float]):
    """httpx's four time-outs, in seconds: each asks the clock when it is looked up, at the beginning of its step."""

    def __init__(self, end_seconds: float) -> None:
        self._end_seconds = end_seconds  # on the monotonic clock

    def __getitem__(self, name: str) -> float:
        left_seconds = max(SHORTEST_SECONDS, self._end_seconds - time.monotonic())
        return min(left_seconds, CONNECT_SECONDS) if name == "connect" else left_seconds

    def __iter__(self) -> Iterator[str]:
        return iter(("connect", "read", "write", "pool"))

    def __len__(self) -> int:
        return 4


class TimelyFile:
    """A file that is no longer read when the time is up."""

    def __init__(self, file: IO[bytes], end_seconds: float) -> None:
        self._file = file
        self._end_seconds = end_seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() >= self._end_seconds:
            raise httpx.WriteTimeout("the upload takes too long")
        return self._file.read(size)


class TimelyStream(httpx.SyncByteStream):
    """An answer that is no longer read when the time is up."""

    def __init__(self, stream: httpx.SyncByteStream, end_seconds: float) -> None:
        self._stream = stream
        self._end_seconds = end_seconds

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if time.monotonic() >= self._end_seconds:
                raise httpx.ReadTimeout("the answer takes too long")
            yield chunk

    def close(self) -> None:
        self._stream.close()
