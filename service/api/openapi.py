"""The OpenAPI document: FastAPI's own, with the forms and the problem schema that routes refer to."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.api.forms import InpaintForm, JobForm, LandmarksForm, ParsingForm
from service.api.problems import MEDIA_TYPE, Problem, documented
from service.api.schemas import InpaintAnswerBody, ParsingBody
from service.errors import BadKey, KeyMissing, RateLimited, ScopeMissing, ServiceError, UnknownParameter

REFERRED: tuple[type[BaseModel], ...] = (
    Problem,
    InpaintForm,
    LandmarksForm,
    ParsingForm,
    JobForm,
    InpaintAnswerBody,
    ParsingBody,
)
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
        schemas[kind.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    return document


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
