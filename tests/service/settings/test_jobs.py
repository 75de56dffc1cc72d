from __future__ import annotations

import sys

import pytest
from pydantic import SecretStr, ValidationError

from service.settings.jobs import signing_keys
from tests.fakes.server import settings


@pytest.mark.parametrize("url", ["http://x", "redis://", "localhost:6379", "", "unix:/x"])
def test_an_address_that_is_no_redis(url: str) -> None:
    with pytest.raises(ValidationError):
        settings(redis_url=url)


@pytest.mark.parametrize("url", ["redis://:pa55@host:6379/1", "rediss://host", "unix:///run/redis.sock"])
def test_an_address_of_redis_is_not_shown(url: str) -> None:
    assert url not in repr(settings(redis_url=url))
    assert "pa55" not in repr(settings(redis_url=url))


@pytest.mark.parametrize(
    "secret", ["abc", "whsec_", "whsec_YWJj", "whsec_!!!!", "other_" + "A" * 32, "whsec_" + "A" * 88]
)
def test_a_secret_that_does_not_sign(secret: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(webhook_secret=secret)
    assert "whsec_ and base64" in str(raised.value)


def test_a_secret_stands_for_its_bytes() -> None:
    assert signing_keys(SecretStr("whsec_" + "A" * 32)) == [bytes(24)]


def test_a_public_url_ends_without_a_slash() -> None:
    assert settings(public_url="https://faces.example/api").public_url == "https://faces.example/api"
    with pytest.raises(ValidationError):
        settings(public_url="https://faces.example/")


def test_without_authorities_of_its_own_nothing_is_read_for_them() -> None:
    """Reading the system's takes longer than all other settings together."""
    called: set[str] = set()
    sys.setprofile(lambda frame, event, what: called.add(what.__name__) if event == "c_call" else None)
    try:
        settings()
    finally:
        sys.setprofile(None)
    assert "set_default_verify_paths" not in called
    assert len(called) > 10
