"""Clients that do not behave: one that sends a byte now and then, one that leaves without its answer."""

from __future__ import annotations

import asyncio
import contextlib
import random

PIECE_BYTES = 200
PAUSE_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
GONE = -1  # nothing was answered: it did not wait, or was cut off
STARTS_WITH = b"HTTP/1.1 "


async def send_slowly(port: int, body: bytes, content_type: str) -> int:
    """The status that comes back, perhaps before all is sent; GONE when the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_trickle(writer, _head(len(body), content_type) + body))
    try:
        line = await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
        return int(line.split()[1]) if line.startswith(STARTS_WITH) else GONE
    except (OSError, TimeoutError):
        return GONE
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def leave_early(port: int, body: bytes, content_type: str, dice: random.Random) -> int:
    """Send some or all of a request, and go."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = _head(len(body), content_type) + body
    with contextlib.suppress(OSError):
        writer.write(whole[: dice.randrange(1, len(whole) + 1)])
        await writer.drain()
        await asyncio.sleep(dice.uniform(0, 0.3))
    writer.transport.abort()
    return GONE


async def _trickle(writer: asyncio.StreamWriter, whole: bytes) -> None:
    for begin in range(0, len(whole), PIECE_BYTES):
        writer.write(whole[begin : begin + PIECE_BYTES])
        await writer.drain()
        await asyncio.sleep(PAUSE_SECONDS)


def _head(length: int, content_type: str) -> bytes:
    lines = ("POST /inpaint HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {length}")
    return "\r\n".join((*lines, "Connection: close", "", "")).encode()
