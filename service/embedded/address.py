"""The address to listen on, tried before anything slow is loaded."""

from __future__ import annotations

import socket

from service.embedded.refusals import CannotStart


class AddressError(CannotStart):
    """The address cannot be bound."""


def check_address(host: str, port: int) -> None:
    """Raise AddressError unless `host` and `port` can be bound now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise AddressError(
            f"port {port} on {host} cannot be bound ({error.strerror}): stop what uses it, or choose another address"
            " with --host and --port."
        ) from None


def grpc_address(host: str, port: int) -> str:
    """host:port as gRPC writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
