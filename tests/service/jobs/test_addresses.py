from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest

from service.errors import BadWebhook
from service.jobs.addresses import check_url, is_public, resolve
from tests.fakes.server import settings

NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.7", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:db8::1", "2002:808:808::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2a00:1450::5efe:808:808", "2a00:1450::200:5efe:a00:1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::8"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/\r\nHost: inside",
        "https://[::1/",
        "https://ex\u00e4mple.com/",
        f"https://example.com/{'x' * 2048}",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://api.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://redis:6379/",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
    ],
)
def test_a_url_that_can_be_judged_without_the_network(url: str) -> None:
    with pytest.raises(BadWebhook) as raised:
        check_url(url, settings())
    assert url not in raised.value.detail


@pytest.mark.parametrize("url", ["https://example.com/hook?x=1", "https://example.com:8443/", "https://8.8.8.8/"])
def test_a_url_that_is_fine(url: str) -> None:
    assert check_url(url, settings()).geturl() == url


def test_what_is_allowed_by_settings() -> None:
    open_settings = settings(webhook_allow_http=True, webhook_allow_private=True)
    assert check_url("http://127.0.0.1:9000/", open_settings).port == 9000
    with pytest.raises(BadWebhook):
        check_url("http://example.com/", settings(webhook_allow_private=True))
    with pytest.raises(BadWebhook):
        check_url("https://127.0.0.1/", settings(webhook_allow_http=True))


class Names:
    """Answers names as it is told; counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.asked = 0
        self._addresses = addresses
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._answer)

    async def _answer(self, host: str, port: int, **_: object) -> list[object]:
        self.asked += 1
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in self._addresses]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (address, port))
            for kind, address in zip(kinds, self._addresses, strict=True)
        ]


async def test_the_call_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "93.184.216.34")
    target = await resolve("https://hooks.example.com/a/b?c=d", settings())
    assert target.pinned_url == "https://93.184.216.34:443/a/b?c=d"
    assert (target.host, target.name, names.asked) == ("hooks.example.com", "hooks.example.com", 1)


async def test_ports_and_version_6(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, "2606:4700::1111")
    target = await resolve("https://hooks.example.com:8443/", settings())
    assert target.pinned_url == "https://[2606:4700::1111]:8443/"
    assert target.host == "hooks.example.com:8443"


@pytest.mark.parametrize("addresses", [["10.0.0.5"], ["93.184.216.34", "127.0.0.1"], ["::ffff:93.184.216.34"]])
async def test_a_name_with_any_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    Names(monkeypatch, *addresses)
    with pytest.raises(BadWebhook):
        await resolve("https://hooks.example.com/", settings())


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "017700000001"])
async def test_odd_spellings_of_loopback_are_seen_through(host: str) -> None:
    with pytest.raises((BadWebhook, OSError)):
        await resolve(f"https://{host}/", settings())
