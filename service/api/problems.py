"""Errors as RFC 9457 answers: the one place that makes them, for the service's own errors and for the framework's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.types import Scope
from typing_extensions import TypedDict

from service.errors import BadField, ClientGone, JobsUnavailable, ServiceError, StorageFull
from service.jobs.redis_clients import is_out_of_memory
from service.jobs.states import StoredError
from service.telemetry.record import RequestRecord

MEDIA_TYPE = "application/problem+json"
DEFAULT_RETRY_AFTER_SECONDS = 1.0
RETRY_AFTER_STATUSES = (429, 503)
FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed"}


class ProblemDetail(TypedDict, total=False):
    """One thing that is wrong. Only what applies is there, and there may be more members than these."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # the place that pydantic looks at

    field: Annotated[str, Field(description="The form field, parameter or header.")]
    index: Annotated[int, Field(description="The pair of a batch, from 0.")]
    message: Annotated[str, Field(description="What is wrong with it.")]
    actual: Annotated[Any, Field(description="What was sent.")]
    allowed: Annotated[Any, Field(description="What is accepted.")]
    setting: Annotated[str, Field(description="The setting of the service that says so.")]


class Problem(BaseModel):
    """An error, as RFC 9457 writes it. `code` is stable; texts may change. Uploaded content is never repeated."""

    type: str = Field(description="A URI of the kind of problem; as stable as `code`.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, in one sentence.")
    instance: str = Field(description="A URI of this occurrence.")
    code: str = Field(description="The stable name of the kind of problem.")
    request_id: str = Field(description="The `X-Request-Id` of the answer; quote it when you ask for help.")
    errors: list[ProblemDetail] = Field(
        default_factory=list, description="Details: the field, what was sent, what is allowed, the name of the setting."
    )


class FrameworkError(ServiceError):
    """An error that the web framework found: no such route, wrong method."""

    def __init__(self, error: HTTPException) -> None:
        phrase = HTTPStatus(error.status_code).phrase
        super().__init__(f"{phrase}.", headers=error.headers)
        self.status = error.status_code  # type: ignore[misc]  # here the status belongs to the instance
        self.code = FRAMEWORK_CODES.get(error.status_code, f"http_{error.status_code}")  # type: ignore[misc]
        self.title = phrase  # type: ignore[misc]


def as_service_error(error: Exception) -> ServiceError:
    """Whatever was raised, as one of the service's own errors. The unexpected becomes a plain 500 without its text."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, HTTPException):
        return FrameworkError(error)
    if is_out_of_memory(error):
        return StorageFull("Redis has no room for another request's pictures.", retry_after_seconds=5)
    if isinstance(error, RedisError):
        return JobsUnavailable("The store of jobs cannot be reached right now.")
    if isinstance(error, RequestValidationError):
        errors = [{"field": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()]
        return BadField("A parameter of the request has a bad value.", errors=errors)
    return ServiceError("Something unexpected happened. It was logged under the request's id.")


def problem_body(error: ServiceError, request_id: str) -> dict[str, Any]:
    """The members of a problem as plain JSON."""
    members = {
        "type": f"urn:inpaint:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": f"urn:inpaint:request:{request_id}",
        "code": error.code,
        "request_id": request_id,
        "errors": error.errors,
    }
    return Problem.model_validate(members).model_dump()


def stored_problem_body(problem: dict[str, Any], job_id: str) -> dict[str, Any]:
    """The problem that ended a job, as JSON."""
    return problem_body(StoredError(problem), "") | {"instance": f"urn:inpaint:job:{job_id}"}


def problem_response(error: Exception, scope: Scope) -> Response:
    """The answer to a request that failed with `error`."""
    known = as_service_error(error)
    record: RequestRecord = scope["state"]["record"]
    record.code = known.code
    if isinstance(known, ClientGone):
        return Response(status_code=known.status)
    headers = dict(known.headers)
    if known.retry_after_seconds is not None or known.status in RETRY_AFTER_STATUSES:
        headers["Retry-After"] = str(math.ceil(known.retry_after_seconds or DEFAULT_RETRY_AFTER_SECONDS))
    body = problem_body(known, record.request_id)
    return JSONResponse(body, status_code=known.status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error that FastAPI would answer in its own way be answered here."""

    async def answer(request: Request, error: Exception) -> Response:
        response = problem_response(error, request.scope)
        if response.status_code == 405 and (methods := allowed_methods(request)):
            response.headers["Allow"] = ", ".join(methods)
        return response

    for kind in (ServiceError, HTTPException, RequestValidationError, RedisError):
        app.add_exception_handler(kind, answer)


def allowed_methods(request: Request) -> list[str]:
    """The methods of this path; the framework names those of the first fitting route alone."""
    template = getattr(request.scope.get("route"), "path", "")
    methods = {method.upper() for method in request.app.openapi()["paths"].get(template, {})}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def documented(*kinds: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` of a route that may fail with `kinds`: one entry a status, one example a kind."""
    by_status: dict[int, list[type[ServiceError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _documented_status(by_status[status]) for status in sorted(by_status)}


def _documented_status(kinds: Sequence[type[ServiceError]]) -> dict[str, Any]:
    examples = {
        kind.code: {"summary": kind.title, "value": problem_body(kind(), "5f2b1c0e9d8a4b7c8e6f1a2b3c4d5e6f")}
        for kind in kinds
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": "; ".join(kind.title for kind in kinds) + ".",
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    if kinds[0].status == 401:
        answer["headers"] = {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}}
    if kinds[0].status in RETRY_AFTER_STATUSES:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer
