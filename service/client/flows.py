"""The client's logic without input or output: generators that say what to do next and are handed what came of it.

A transport runs a flow: it sends, waits or works as the step says, sends the outcome back into the generator, or
throws the exception that came instead. transports.py has both that there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias, TypeVar

import httpx

from service.client.errors import Garbled, TimedOut, Unreachable
from service.client.forms import split
from service.client.pictures import Opener, opener
from service.client.retries import Retries
from service.client.time_limits import Left, TimelyFile
from service.errors import ServiceError

T = TypeVar("T")
Openers: TypeAlias = Sequence[tuple[str, Opener]]
OCTETS = "application/octet-stream"  # the service looks into the bytes


@dataclass(frozen=True)
class Call:
    """A request as one thinks of it: `form` holds plain values and pictures, still to be written as multipart."""

    method: str
    path: str
    form: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Send:
    """Send a request and read the whole answer. The outcome: an httpx.Response."""

    call: Call
    texts: Mapping[str, str]
    files: Sequence[tuple[str, IO[bytes]]]
    end_seconds: float  # on the monotonic clock: when the call is given up

    def arguments(self) -> dict[str, Any]:
        """For `request` of either of httpx's clients. Local file names stay at home: the part is named as its field."""
        parts = [(name, (name, TimelyFile(file, self.end_seconds), OCTETS)) for name, file in self.files]
        return {
            "method": self.call.method,
            "url": self.call.path,
            "params": dict(self.call.query) or None,
            "headers": dict(self.call.headers),
            "data": dict(self.texts),
            "files": parts or None,
            "extensions": {"timeout": Left(self.end_seconds)},
        }


@dataclass(frozen=True)
class Pause:
    """Wait. The outcome: None."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Compute something that may take a while, or read a disk. The outcome: what it returns."""

    function: Callable[[], Any]


Step: TypeAlias = Send | Pause | Work
Flow: TypeAlias = Generator[Step, Any, T]


def exchange(call: Call, read: Callable[[httpx.Response], T], retries: Retries) -> Flow[T]:
    """One call to its end: encode the pictures once, then try until `read` is content or `retries` gives up.

    No attempt outlives the call's time. One that is given up closes its connection, and the service stops its work.
    """
    start_seconds, attempts = time.monotonic(), 0
    end_seconds = start_seconds + retries.call_seconds
    texts, pictures = split(call.form)
    openers: Openers = yield Work(lambda: [(name, opener(picture)) for name, picture in pictures])
    while True:
        attempts += 1
        try:
            return read((yield from attempt(call, texts, openers, end_seconds)))
        except ServiceError as error:
            pause_seconds = retries.pause_seconds(error, attempts, time.monotonic() - start_seconds)
            if pause_seconds is None:
                raise
        yield Pause(pause_seconds)


def attempt(call: Call, texts: Mapping[str, str], openers: Openers, end_seconds: float) -> Flow[httpx.Response]:
    """Send once; what httpx can raise becomes one of the client's errors."""
    try:
        with ExitStack() as opened:
            files = [(name, opened.enter_context(open_file())) for name, open_file in openers]
            response: httpx.Response = yield Send(call, texts, files, end_seconds)
            return response
    except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout) as error:
        raise TimedOut(f"No answer came in time ({_why(error)}).") from error
    except httpx.TransportError as error:
        raise Unreachable(f"No connection to the service, or it broke ({_why(error)}).") from error
    except httpx.DecodingError as error:
        raise Garbled(f"The answer cannot be decoded ({_why(error)}).") from error


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
