from __future__ import annotations

import pytest

from service.client.connection import options, require_address, require_key


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "127.0.0.1:8000", "ftp://host", "http://", "http://host:port", "/models"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        require_address(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://example.org/faces/", "http://[::1]:80"])
def test_what_is_an_address(url: str) -> None:
    assert require_address(url) == url


@pytest.mark.parametrize("key", ["", " ", "a b", "a\nb", "ключ"])
def test_a_key_that_no_header_can_hold_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ValueError, match="the key is empty or holds") as raised:
        require_key(key)
    assert not key.strip() or key not in str(raised.value)


def test_the_time_to_connect_is_bounded() -> None:
    assert options("http://h", None, 90)["timeout"].connect == 10
    assert options("http://h", None, 2)["timeout"].as_dict() == {"connect": 2, "read": 2, "write": 2, "pool": 2}
