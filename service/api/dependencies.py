"""What FastAPI hands to the routes: a route names what it needs in its arguments.

The application mounts every router with `needs(scope)`, so that no route can forget to ask for a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel

from service.api.auth import BEARER, HEADER, Caller, found_key
from service.api.forms import InpaintForm, JobForm, LandmarksForm, ParsingForm, read_form
from service.api.state import ServiceState
from service.deadline import Deadline
from service.keys import SCOPES
from service.telemetry.record import RequestRecord

F = TypeVar("F", bound=BaseModel)


def service_of(request: Request) -> ServiceState:
    """What all requests share."""
    state: ServiceState = request.app.state.service
    return state


def record_of(request: Request) -> RequestRecord:
    """What is known of this request, for its log line, metrics and headers."""
    record: RequestRecord = request.scope["state"]["record"]
    return record


def caller_of(request: Request) -> Caller:
    """Whom `needs` has let in."""
    caller: Caller = request.state.caller
    return caller


ServiceDep = Annotated[ServiceState, Depends(service_of)]
RecordDep = Annotated[RequestRecord, Depends(record_of)]
CallerDep = Annotated[Caller, Depends(caller_of)]


def needs(scope: str | None) -> Any:
    """A dependency that lets a request pass if its key has `scope` (None: any key) and is within its rate.

    It runs before the body is read. Raises KeyMissing, BadKey, ScopeMissing or RateLimited.
    """
    assert scope is None or scope in SCOPES, scope

    async def check(
        request: Request,
        service: ServiceDep,
        record: RecordDep,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        header: Annotated[str | None, Depends(HEADER)],
    ) -> None:
        key = found_key(service.keyring, bearer.credentials if bearer else header)
        caller = Caller(key, request.client.host if request.client else "")
        request.state.caller = caller
        if caller.key is not None:
            record.principal = caller.principal
        caller.require(scope, f"{request.method} {request.scope['route'].path}")
        own = caller.key.rate if caller.key else None
        record.headers |= await service.rates.take(caller.namespace, own, work=request.method == "POST")

    return Depends(check)


def needs_for_metrics(open_metrics: bool) -> list[Any]:
    """The dependencies of GET /metrics."""
    return [] if open_metrics else [needs("metrics")]


@dataclass(frozen=True)
class RequestContext:
    """A request that has a place inside, with everything that the work on it needs."""

    request: Request
    service: ServiceState
    record: RequestRecord
    caller: Caller
    deadline: Deadline

    def header(self, name: str) -> str | None:
        """A header's value; several of one name are joined, as RFC 9110 says."""
        return header_of(self.request, name)


async def admitted(
    request: Request, service: ServiceDep, record: RecordDep, caller: CallerDep
) -> AsyncIterator[RequestContext]:
    """A place inside while the route works; the deadline begins here. Raises Overloaded or Draining."""
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        yield RequestContext(request, service, record, caller, deadline)


def header_of(request: Request, name: str) -> str | None:
    """A header's value; several of one name are joined, as RFC 9110 says."""
    return ",".join(request.headers.getlist(name)) or None


ContextDep = Annotated[RequestContext, Depends(admitted, scope="function")]


def form(kind: type[F]) -> Any:
    """A dependency: the request's form as `kind`, read once there is a place inside and deleted after the route."""

    async def read(context: ContextDep) -> AsyncIterator[F]:
        async with read_form(context.request, kind) as fields:
            yield fields

    return Depends(read, scope="function")


InpaintFormDep = Annotated[InpaintForm, form(InpaintForm)]
JobFormDep = Annotated[JobForm, form(JobForm)]
LandmarksFormDep = Annotated[LandmarksForm, form(LandmarksForm)]
ParsingFormDep = Annotated[ParsingForm, form(ParsingForm)]
