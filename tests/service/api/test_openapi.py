from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from service.api.forms import InpaintForm, JobForm, LandmarksForm, ParsingForm, file_fields
from service.api.job_schemas import WebhookMessage
from service.app import create_app
from service.jobs.states import Job, State
from service.jobs.webhooks import payload
from tests.fakes.engine import FakeEngine
from tests.fakes.server import settings

DOCUMENT = create_app(settings(), FakeEngine()).openapi()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_is_described_and_every_error_has_examples(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"].endswith((".", "?"))
    for status, answer in operation["responses"].items():
        if status.isdigit() and int(status) >= 400:
            media = answer["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in media["examples"].items():
                assert (example["value"]["status"], example["value"]["code"]) == (int(status), code)
    assert "default" in operation["responses"]


def test_inpaint_documents_every_status_that_it_answers() -> None:
    responses = DOCUMENT["paths"]["/inpaint"]["post"]["responses"]
    documented = {int(status) for status in responses if status.isdigit()}
    assert documented == {200, 202, 400, 401, 404, 406, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504}
    pictures = ["image/png", "image/jpeg", "image/webp", "application/octet-stream"]
    assert list(responses["200"]["content"]) == [*pictures, "application/json"]
    assert [responses["200"]["content"][kind]["schema"]["format"] for kind in pictures] == ["binary"] * 4


def test_every_field_of_the_form_is_described() -> None:
    schema = DOCUMENT["components"]["schemas"]["InpaintForm"]
    assert set(schema["properties"]) == set(InpaintForm.model_fields)
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []
    assert schema["required"] == ["image", "mask"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("form", [InpaintForm, LandmarksForm, ParsingForm, JobForm])
def test_a_form_is_described_as_it_is_sent(form: type[BaseModel]) -> None:
    """Generators look for `format: binary` to send a file, and multipart has no null."""
    fields = DOCUMENT["components"]["schemas"][form.__name__]["properties"]
    for name, field in fields.items():
        assert "anyOf" not in field
        assert "null" not in json.dumps(field)
        plain = field.get("items", field)
        assert (plain.get("format") == "binary") == (name in file_fields(form))


def test_operations_have_short_names_of_their_own() -> None:
    names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(names)) == len(names)
    assert {"inpaint", "find_landmarks", "create_job", "get_job", "get_result", "list_models"} <= set(names)
    assert not [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)?", name)]


def test_problems_are_typed_wherever_they_stand() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Problem"]["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/ProblemDetail"}
    for body in ("JobBody", "ItemBody"):
        assert {"$ref": "#/components/schemas/Problem"} in schemas[body]["properties"]["problem"]["anyOf"]


def test_the_webhook_is_described_as_it_is_sent() -> None:
    operation = DOCUMENT["webhooks"]["job_ended"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/WebhookMessage")
    headers = {parameter["name"] for parameter in operation["parameters"]}
    assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    for state in ("succeeded", "failed", "canceled", "expired"):
        body = WebhookMessage.model_validate_json(payload(ended_job(state)))
        assert (body.type, body.data.state) == (f"job.{state}", state)


def ended_job(state: State) -> Job:
    problem = {"code": "engine_garbage"} if state == "failed" else None
    record = dict.fromkeys(Job.__dataclass_fields__)
    given = {"id": "a" * 32, "base_url": "http://test", "created_at": 1.0, "finished_at": 2.0}
    return Job(**{**record, **given, "state": state, "problem": problem})


def test_every_reference_leads_somewhere() -> None:
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT))):
        assert name in DOCUMENT["components"]["schemas"]
    assert not [name for name in DOCUMENT["components"]["schemas"] if "Validation" in name]


async def test_the_document_is_served(client: httpx.AsyncClient) -> None:
    served: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert served == json.loads(json.dumps(DOCUMENT))
    assert (await client.get("/docs")).status_code == 200
