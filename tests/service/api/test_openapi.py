from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from service.api.forms import InpaintForm
from service.app import create_app
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
    assert set(responses["200"]["content"]) == {"image/png", "image/jpeg", "image/webp", "application/json"}


def test_every_field_of_the_form_is_described() -> None:
    schema = DOCUMENT["components"]["schemas"]["InpaintForm"]
    assert set(schema["properties"]) == set(InpaintForm.model_fields)
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []
    assert schema["required"] == ["image", "mask"]
    assert schema["additionalProperties"] is False


def test_every_reference_leads_somewhere() -> None:
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT))):
        assert name in DOCUMENT["components"]["schemas"]
    assert not [name for name in DOCUMENT["components"]["schemas"] if "Validation" in name]


async def test_the_document_is_served(client: httpx.AsyncClient) -> None:
    served: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert served == json.loads(json.dumps(DOCUMENT))
    assert (await client.get("/docs")).status_code == 200
    assert (await client.get("/")).headers["location"] == "/docs"
