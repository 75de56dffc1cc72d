"""Where a webhook may go. The name is resolved once, every address is judged, and the call goes to that address."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from service.errors import BadWebhook
from service.settings.jobs import JobSettings

MAX_URL_CHARACTERS = 2048
RESOLVE_SECONDS = 5.0
PORTS = {"https": 443, "http": 80}

# IANA's special-purpose registries, and multicast: nothing of this is a receiver on the public internet.
NOT_PUBLIC_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
PUBLIC_6 = ipaddress.IPv6Network("2000::/3")  # leaves out loopback, local, multicast, IPv4-mapped and NAT64
NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
ISATAP = (0x00005EFE, 0x02005EFE)  # the third quarter of an address with an IPv4 address behind it


@dataclass(frozen=True)
class Receiver:
    """A receiver: its URL as it was given, and the address that the call goes to."""

    url: str
    host: str  # for the Host header, with its port if it is not the scheme's own
    name: str  # for the certificate
    pinned_url: str  # with the address instead of the name


def check_url(url: str, settings: JobSettings) -> SplitResult:
    """A webhook's URL, as far as it can be judged without the network. Raises BadWebhook."""
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _bad("it is too long or holds characters that a URL cannot have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad("it cannot be read") from None
    if parts.scheme not in ("https", *(["http"] if settings.webhook_allow_http else [])):
        raise _bad("it must start with https://", "WEBHOOK_ALLOW_HTTP")
    if not parts.hostname or port == 0:
        raise _bad("it names no host")
    if parts.username is not None or parts.fragment:
        raise _bad("it must not hold a user, a password or a fragment")
    literal = _literal(parts.hostname)
    if literal is not None and not settings.webhook_allow_private and not is_public(literal):
        raise _not_public()
    if literal is None and not settings.webhook_allow_private and _is_local_name(parts.hostname):
        raise _not_public()
    return parts


async def resolve(url: str, settings: JobSettings) -> Receiver:
    """Look the receiver up and choose its address. Raises BadWebhook for one that may not be called, OSError when the
    name cannot be resolved now."""
    parts = check_url(url, settings)
    assert parts.hostname is not None
    port = parts.port or PORTS[parts.scheme]
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not settings.webhook_allow_private and not all(map(is_public, addresses)):
        raise _not_public()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    pinned = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
    return Receiver(
        url=url,
        host=host if port == PORTS[parts.scheme] else f"{host}:{port}",
        name=parts.hostname,
        pinned_url=parts._replace(netloc=f"{pinned}:{port}").geturl(),
    )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is of the public internet, and no IPv4 address in disguise."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    if address.scope_id is not None or address not in PUBLIC_6 or any(address in network for network in NOT_PUBLIC_6):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in ISATAP


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith((".localhost", ".local", ".internal", ".home.arpa")) or "." not in name


def _not_public() -> BadWebhook:
    return _bad("its address is not of the public internet", "WEBHOOK_ALLOW_PRIVATE")


def _bad(reason: str, setting: str | None = None) -> BadWebhook:
    error = {"field": "webhook_url", "actual": reason, **({"setting": setting} if setting else {})}
    return BadWebhook(f"The webhook_url cannot be used: {reason}.", errors=[error])
