"""The OpenAPI document: FastAPI's own, with the forms, problems and webhooks that routes only refer to.

Clients are generated from it: operations have short names, files are `format: binary`, and no field of a form is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api.forms import InpaintForm, JobForm, LandmarksForm, ParsingForm
from service.api.job_schemas import WebhookMessage
from service.api.problems import MEDIA_TYPE, Problem, documented
from service.api.schemas import InpaintAnswerBody, ParsingBody
from service.errors import BadKey, KeyMissing, RateLimited, ScopeMissing, ServiceError, UnknownParameter

FORMS: tuple[type[BaseModel], ...] = (InpaintForm, LandmarksForm, ParsingForm, JobForm)
REFERRED: tuple[type[BaseModel], ...] = (Problem, *FORMS, InpaintAnswerBody, ParsingBody, WebhookMessage)
ANY_ERROR = {
    "description": "Another error.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
REQUEST_ID = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Your own id for the request, repeated in the answer and in the logs: 1 to 128 of A-Z, a-z, 0-9 "
    "and `._:-`. If it is missing or malformed, the service makes one up.",
    "schema": {"type": "string"},
}
WEBHOOK_HEADERS = {
    "webhook-id": "The same for every attempt.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks has it.",
}
JOB_ENDED = {
    "operationId": "job_ended",
    "summary": "A job has ended; sent to the `webhook_url` that it was asked for with.",
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in WEBHOOK_HEADERS.items()
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookMessage"}}},
    },
    "responses": {
        "2XX": {"description": "Received. Anything else but 410 is tried again later; `Retry-After` is heeded."},
        "410": {"description": "Not wanted: it is not sent again."},
    },
}


def operation_id(route: APIRoute) -> str:
    """The name of an operation in generated clients: that of its function."""
    return route.name


def install(app: FastAPI) -> None:
    """Make `app.openapi()` answer the complete document; it is built once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for kind in REFERRED:
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[kind.__name__] = _as_form(schema) if kind in FORMS else schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    document["webhooks"] = {"job_ended": {"post": JOB_ENDED}}
    return document


def _as_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a form as it is sent: a field without a value is left out, and a file is binary."""
    return {**schema, "properties": {name: _field(field) for name, field in schema["properties"].items()}}


def _field(field: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in field.items() if not (name == "default" and value is None)}
    if "anyOf" in plain:
        (only,) = (choice for choice in plain.pop("anyOf") if choice != {"type": "null"})
        plain |= only
    if "items" in plain:
        plain["items"] = _field(plain["items"])
    if "contentMediaType" in plain:  # 3.1's word for a file; most generators look for that of 3.0
        plain["format"] = "binary"
    return plain


def _complete(operation: dict[str, Any]) -> None:
    """Every operation takes a request id and may fail in ways that all share."""
    operation.setdefault("parameters", []).append(REQUEST_ID)
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]
    if "security" in operation:
        _add_errors(answers, KeyMissing, BadKey, ScopeMissing, RateLimited, UnknownParameter)
    answers["default"] = ANY_ERROR


def _add_errors(answers: dict[str, Any], *kinds: type[ServiceError]) -> None:
    """More examples to the answers that are there, and new answers."""
    for status, more in documented(*kinds).items():
        there = answers.setdefault(str(status), more)
        if there is not more:
            there["content"][MEDIA_TYPE]["examples"] |= more["content"][MEDIA_TYPE]["examples"]
            there["description"] = f"{there['description'].removesuffix('.')}; {more['description']}"
