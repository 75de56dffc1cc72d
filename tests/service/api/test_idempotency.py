"""A key belongs to one request: whatever else differs, in whichever field, makes it another one."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import AsyncIterator
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel

from service.api.forms import InpaintForm, JobForm, file_fields
from service.completion.including import STAGES
from service.completion.pipelines import PIPELINES
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.faces import group
from tests.fakes.guided import Guided
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.redis_server import RedisServer
from tests.service.api.conftest import in_memory

TEXTS = {  # of a field that no rule can make up: its value, and another one
    "model": ("guided", "lafin"),
    "landmarks": (json.dumps(mean_shape().tolist()), json.dumps((mean_shape() + 1).tolist())),
    "faces": ("[[10, 10, 90, 90]]", "[[10, 10, 90, 91]]"),
    "attributes": ('{"Smiling": 0.5}', '{"Smiling": 0.6}'),
    "include": ("coarse", "coarse,parsing"),
    "webhook_url": ("https://receiver.example/a", "https://receiver.example/b"),
}
FILES = {
    "image": (png(scene()), png(scene(seed=1))),
    "mask": (png(box_mask()), png(255 - box_mask())),
    "reference": (png(group((3,))), png(group((4,)))),
}
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def two_values(kind: type[BaseModel], name: str) -> tuple[Any, Any]:
    """Two legal values of a form's field."""
    if name in file_fields(kind):
        return FILES[name]
    if name in TEXTS:
        return TEXTS[name]
    annotation = kind.model_fields[name].annotation
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    options = typing.get_args(annotation) if is_union else (annotation,)
    plain = next(option for option in options if option is not type(None))
    if typing.get_origin(plain) is Literal:
        return typing.get_args(plain)[:2]
    return {bool: ("false", "true"), int: ("1", "2")}[plain]


def form(kind: type[BaseModel], changed: str | None = None) -> dict[str, Any]:
    values = {name: two_values(kind, name)[name == changed] for name in kind.model_fields}
    files = file_fields(kind)
    return {
        "files": {name: (name, value, "image/png") for name, value in values.items() if name in files},
        "data": {name: value for name, value in values.items() if name not in files},
    }


@pytest.fixture
async def client(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setitem(PIPELINES, "guided", Guided())
    monkeypatch.setitem(STAGES, "guided", ("coarse", "parsing"))
    async with in_memory(FakeEngine(), redis_url=redis_server.url, webhook_secret=SECRET) as client:
        yield client


@pytest.mark.parametrize(("path", "kind"), [("/inpaint", InpaintForm), ("/jobs", JobForm)])
async def test_a_request_that_differs_in_any_field_is_another_one(
    client: httpx.AsyncClient, path: str, kind: type[BaseModel]
) -> None:
    key = {"idempotency-key": "k"}
    first = await client.post(path, headers=key, **form(kind))
    again = await client.post(path, headers=key, **form(kind))
    assert first.status_code in (200, 202), first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in kind.model_fields:
        response = await client.post(path, headers=key, **form(kind, name))
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused"), name


async def test_the_wish_for_json_makes_it_another_request(client: httpx.AsyncClient) -> None:
    sent, key = {"files": {name: (name, value, "image/png") for name, (value, _) in FILES.items()}}, "k"
    sent["data"] = {"model": "guided"}
    assert (await client.post("/inpaint", headers={"idempotency-key": key}, **sent)).status_code == 200
    other = await client.post("/inpaint", headers={"idempotency-key": key, "accept": "application/json"}, **sent)
    assert other.json()["code"] == "idempotency_key_reused"
