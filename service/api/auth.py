"""Who calls, and whether they may: API keys, their scopes and their rates.

The application mounts every router with `needs(scope)`, so no route can forget it. Without configured keys everybody
is "anonymous" and may do everything.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.api.state import record_of, service_of
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


def needs(scope: str | None) -> Any:
    """A dependency that lets a request pass if its key has `scope` (None: any key) and is within its rate.

    It runs before the body is read. Raises KeyMissing, BadKey, ScopeMissing or RateLimited.
    """
    assert scope is None or scope in SCOPES, scope

    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        header: Annotated[str | None, Depends(HEADER)],
    ) -> None:
        service, record = service_of(request), record_of(request)
        key = found_key(service.keyring, bearer.credentials if bearer else header)
        if key is not None:
            record.principal = key.id
        check_scope(key, scope)
        record.headers |= await service.rates.take(principal_of(request), key.rate if key else None)

    return Depends(check)


def needs_for_metrics(open_metrics: bool) -> list[Any]:
    """The dependencies of GET /metrics."""
    return [] if open_metrics else [needs("metrics")]


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


def check_scope(key: Key | None, scope: str | None) -> None:
    """Raises ScopeMissing when `key` is not for `scope`."""
    if key is not None and scope is not None and scope not in key.scopes:
        errors = [{"scope": scope, "allowed": sorted(key.scopes)}]
        raise ScopeMissing(f"The key {key.id!r} is not for {SCOPES[scope]}.", errors=errors)


def principal_of(request: Request) -> str:
    """The id of the key that the request came with; "anonymous" where no keys are configured."""
    return record_of(request).principal or ANONYMOUS
