"""Bodies of many megabytes, made and sent in pieces.

However large a picture is, no step holds up the event loop: neither by itself nor, in a thread, by Python's lock.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

PIECE_BYTES = 3 * 2**16  # a multiple of three: base64 of the pieces is base64 of the whole


class PiecesResponse(Response):
    """A response whose body is a list of pieces. They are sent one by one, as fast as the client reads."""

    def __init__(self, pieces: Iterable[bytes], media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self.pieces = list(pieces)
        length = sum(map(len, self.pieces))
        super().__init__(media_type=media_type, headers={**(headers or {}), "content-length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def cut(data: bytes, begin: int = 0) -> Iterator[bytes]:
    """`data` from `begin` on, in pieces."""
    for start in range(begin, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def encoded(data: bytes) -> Iterator[bytes]:
    """base64 of `data` in pieces."""
    return map(base64.b64encode, cut(data))


def joined(pieces: Iterable[bytes]) -> memoryview:
    """The pieces as one, copied one by one."""
    kept = list(pieces)
    whole, end = bytearray(sum(map(len, kept))), 0
    for piece in kept:
        whole[end : end + len(piece)] = piece
        end += len(piece)
    return memoryview(whole)
