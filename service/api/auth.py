"""Who calls, and what they may do: API keys and their scopes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from fastapi.security import APIKeyHeader, HTTPBearer

from service.errors import BadKey, KeyMissing, ScopeMissing
from service.keys import Key, Keyring

ANONYMOUS = "anonymous"
BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="id.secret",
    description="`Authorization: Bearer id.secret`. Needed where keys are configured.",
    auto_error=False,
)
HEADER = APIKeyHeader(
    name="X-API-Key", scheme_name="key_header", description="The same key, in a header of its own.", auto_error=False
)


@dataclass(frozen=True)
class Caller:
    """Who sent a request. Where no keys are configured, everybody is "anonymous" and may do all but list jobs."""

    key: Key | None
    address: str  # of the connection, or as a trusted proxy tells it; empty where there is none

    @property
    def principal(self) -> str:
        """The id of the key; "anonymous" without one. It owns the caller's jobs."""
        return ANONYMOUS if self.key is None else self.key.id

    @property
    def namespace(self) -> str:
        """Whose rate is counted and whose Idempotency-Keys these are: the key's, or the network address's."""
        return f"{ANONYMOUS}:{network(self.address)}" if self.key is None else self.key.id

    def require_key(self) -> None:
        """Raises KeyMissing for an anonymous caller."""
        if self.key is None:
            raise KeyMissing("Without keys nobody's jobs can be told apart. Ask for each job by its id.")

    def require(self, scope: str | None, route: str) -> None:
        """Raises ScopeMissing when the caller's key lacks the `scope` that `route` needs; None: any key will do."""
        if self.key is not None and scope is not None and scope not in self.key.scopes:
            errors = [{"scope": scope, "allowed": sorted(self.key.scopes)}]
            raise ScopeMissing(f"The key {self.key.id!r} has no scope {scope!r}, which {route} needs.", errors=errors)


def network(address: str) -> str:
    """An IPv4 address; of an IPv6 address the first 64 bits, which are one caller's; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(parsed), 64), strict=False).network_address)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def found_key(keyring: Keyring, presented: str | None) -> Key | None:
    """The key that was presented; None where no keys are configured. Raises KeyMissing or BadKey."""
    if not keyring.closed:
        return None
    if not presented:
        raise KeyMissing("Send a key as `Authorization: Bearer id.secret` or as `X-API-Key: id.secret`.")
    key = keyring.find(presented)
    if key is None:
        raise BadKey("The key that was sent is not known here.")
    return key
