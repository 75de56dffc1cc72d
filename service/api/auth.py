"""Who calls, and what they may do: API keys and their scopes."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.security import APIKeyHeader, HTTPBearer

from service.errors import BadKey, KeyMissing, ScopeMissing
from service.keys import SCOPES, Key, Keyring

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
    """Who sent a request. Where no keys are configured, everybody is "anonymous" and may do everything."""

    key: Key | None

    @property
    def principal(self) -> str:
        """The id of the key; "anonymous" without one."""
        return ANONYMOUS if self.key is None else self.key.id

    def require(self, scope: str | None) -> None:
        """Raises ScopeMissing when the caller's key is not for `scope`; None: any key will do."""
        if self.key is not None and scope is not None and scope not in self.key.scopes:
            errors = [{"scope": scope, "allowed": sorted(self.key.scopes)}]
            raise ScopeMissing(f"The key {self.key.id!r} is not for {SCOPES[scope]}.", errors=errors)


def found_key(keyring: Keyring, presented: str | None) -> Key | None:
    """The key that was presented; None where no keys are configured. Raises KeyMissing or BadKey."""
    if not len(keyring):
        return None
    if not presented:
        raise KeyMissing("Send a key as `Authorization: Bearer id.secret` or as `X-API-Key: id.secret`.")
    key = keyring.find(presented)
    if key is None:
        raise BadKey("The key that was sent is not known here.")
    return key
