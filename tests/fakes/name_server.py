"""A name server on loopback: one name with several addresses, as Docker and Kubernetes have for several engines."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType

HEADER_BYTES = 12
TYPE_A, CLASS_IN, LIFE_SECONDS = 1, 1, 0
ANSWERED = 0x8180
POINTER_TO_QUESTION = b"\xc0\x0c"


class NameServer:
    """Answers every question for an IPv4 address with `addresses`, which may change; `port` on 127.0.0.1."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while query := (received := self._socket.recvfrom(2048))[0]:
            self._socket.sendto(self._answer(query), received[1])

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", HEADER_BYTES) + 5  # the name, its type and its class
        wanted = struct.unpack(">H", query[end - 4 : end - 2])[0]
        records = [
            POINTER_TO_QUESTION + struct.pack(">HHIH", TYPE_A, CLASS_IN, LIFE_SECONDS, 4) + socket.inet_aton(address)
            for address in (self.addresses if wanted == TYPE_A else [])
        ]
        counts = struct.pack(">HHHHH", ANSWERED, 1, len(records), 0, 0)
        return query[:2] + counts + query[HEADER_BYTES:end] + b"".join(records)
