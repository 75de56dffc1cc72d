"""Webhooks over TLS: the call goes to the address that was judged, the certificate is checked for the name."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.jobs.states import Job
from service.jobs.webhooks import attempt
from service.settings import BadSettings, Settings, load_settings
from tests.fakes.certificates import certificate, key, server_context
from tests.fakes.scripted import Script, scripted
from tests.fakes.server import settings

NAME = "hooks.example.com"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver:
    """A server on this machine with a certificate, and the names that callers asked it for."""

    def __init__(self, script: Script, asked_for: list[str | None]) -> None:
        self.script, self.asked_for = script, asked_for
        self.port = int(script.url.rpartition(":")[2])


@contextmanager
def receiving(chain: str) -> Iterator[Receiver]:
    names: list[str | None] = []
    context = server_context(chain, key())

    def note(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    context.sni_callback = note
    with scripted(context) as script:
        yield Receiver(script, names)


@pytest.fixture
def dialed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The receiver's name leads to this machine; the hosts that were looked up or connected to."""
    hosts: list[str] = []
    original = asyncio.BaseEventLoop.getaddrinfo

    async def answer(loop: asyncio.BaseEventLoop, host: str, *arguments: object, **options: object) -> object:
        hosts.append(host)
        return await original(loop, "127.0.0.1" if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)
    return hosts


def options(authorities: str) -> Settings:
    return settings(
        webhook_secret=SECRET, webhook_allow_private=True, webhook_authorities=authorities, webhook_timeout_seconds=5
    )


async def deliver(url: str, authorities: str) -> str | None:
    """What came of it; why there was no answer, if there was none."""
    job = Job(
        id="0" * 32,
        owner="anonymous",
        number=1,
        state="succeeded",
        request={"model": "lafin"},
        item_count=1,
        created_at=0.0,
        started_at=0.0,
        finished_at=1.0,
        expires_at=2.0,
        tries=1,
        problem=None,
        delete_on_fetch=False,
        base_url="https://faces.example",
        webhook_url=url,
        request_id="",
        traceparent="",
    )
    outcome = await attempt(job, options(authorities))
    return outcome.name if outcome.status else outcome.error


async def test_the_name_is_shown_and_checked_while_the_call_goes_to_the_address(dialed: list[str]) -> None:
    chain = certificate(NAME)
    with receiving(chain) as receiver:
        assert await deliver(f"https://{NAME}:{receiver.port}/hook", chain) == "delivered"
    (asked,) = receiver.script.asked
    assert receiver.asked_for == [NAME]
    assert asked.headers["host"] == f"{NAME}:{receiver.port}"
    assert dialed.count(NAME) == 1, "the name is looked up once; what is dialed is the address"


@pytest.mark.parametrize(
    ("names", "days"),
    [(("other.example.com",), 1), (("127.0.0.1",), 1), (("example.com", "*.hooks.example.com"), 1), ((NAME,), -1)],
    ids=["another name", "the address instead of the name", "names around it", "expired"],
)
async def test_a_wrong_certificate_ends_the_call_before_anything_is_said(
    dialed: list[str], names: tuple[str, ...], days: float
) -> None:
    chain = certificate(*names, days=days)
    with receiving(chain) as receiver:
        assert await deliver(f"https://{NAME}:{receiver.port}/hook", chain) == "certificate"
    assert receiver.script.asked == []
    assert receiver.asked_for == [NAME]


@pytest.mark.parametrize("authorities", ["", "others"])
async def test_a_certificate_of_nobody_we_know_is_refused(dialed: list[str], authorities: str) -> None:
    others = certificate(NAME, signed_with=key(1)) if authorities else ""
    with receiving(certificate(NAME)) as receiver:
        assert await deliver(f"https://{NAME}:{receiver.port}/hook", others) == "certificate"
    assert receiver.script.asked == []


async def test_an_address_in_the_url_needs_a_certificate_for_it() -> None:
    for names, outcome in ((("127.0.0.1",), "delivered"), ((NAME,), "certificate")):
        chain = certificate(*names)
        with receiving(chain) as receiver:
            assert await deliver(f"https://127.0.0.1:{receiver.port}/hook", chain) == outcome


def test_authorities_that_cannot_be_read_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_AUTHORITIES", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----")
    with pytest.raises(BadSettings, match="WEBHOOK_AUTHORITIES"):
        load_settings()
