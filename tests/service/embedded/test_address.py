from __future__ import annotations

import socket

import pytest

from service.embedded.address import AddressError, check_address, grpc_address


def test_a_free_port_passes() -> None:
    check_address("127.0.0.1", 0)


def test_a_busy_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(AddressError, match=rf"port {port} on 127.0.0.1 cannot be bound \(Address already in use\)"):
            check_address("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressError, match="choose another address"):
        check_address("192.0.2.1", 0)


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "0.0.0.0:80"), ("::", "[::]:80")])
def test_as_grpc_writes_it(host: str, address: str) -> None:
    assert grpc_address(host, 80) == address
