"""What the contract tests cannot see: the checked request itself. The refusals are tested on both engines there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from service.embedded.refusals import Refusal
from service.embedded.repository import DeployedModel
from service.embedded.requests import read_request, write_response
from tests.contract.engines import message
from tests.service.embedded.models import numbers, write_repository


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DeployedModel]:
    return write_repository(tmp_path_factory.mktemp("repository"))


def double(array: Any, **fields: Any) -> Any:
    return message("double", {"INPUT__0": array}, **fields)


def test_a_request_is_read(models: dict[str, DeployedModel]) -> None:
    given = double(numbers(1, 2), id="q")
    given.parameters["timeout"].int64_param = 5000
    request = read_request(models["double"], given, deadline=12.5)
    assert (request.id, request.batch, request.outputs) == ("q", 2, ("OUTPUT__0",))
    assert (request.queue_timeout_microseconds, request.deadline) == (5000, 12.5)
    assert (request.inputs["INPUT__0"] == numbers(1, 2)).all()


@pytest.mark.parametrize("microseconds", [None, 0, -5])
def test_no_timeout_of_its_own(microseconds: int | None, models: dict[str, DeployedModel]) -> None:
    given = double(numbers(1))
    if microseconds is not None:
        given.parameters["timeout"].int64_param = microseconds
    assert read_request(models["double"], given, None).queue_timeout_microseconds == 0


def test_a_negative_batch_is_refused(models: dict[str, DeployedModel]) -> None:
    given = double(numbers(1))
    given.inputs[0].shape[0] = -1
    with pytest.raises(Refusal) as refused:
        read_request(models["double"], given, None)
    assert refused.value.status is grpc.StatusCode.INVALID_ARGUMENT


def test_ensembles_answer_all_outputs_or_none(models: dict[str, DeployedModel]) -> None:
    given = message("twice", {"number": numbers(1)}, outputs=[{"name": "answer"}, {"name": "half"}])
    assert read_request(models["twice"], given, None).outputs == ("half", "answer")
    del given.outputs[0]
    with pytest.raises(Refusal, match="ask for every output"):
        read_request(models["twice"], given, None)


def test_classification_is_refused(models: dict[str, DeployedModel]) -> None:
    given = double(numbers(1), outputs=[{"name": "OUTPUT__0"}])
    given.outputs[0].parameters["classification"].int64_param = 3
    with pytest.raises(Refusal, match="need Triton"):
        read_request(models["double"], given, None)


def test_the_response_carries_raw_bytes(models: dict[str, DeployedModel], tmp_path: Path) -> None:
    request = read_request(models["double"], double(numbers(1, 2), id="q"), None)
    every_second = np.repeat(numbers(3, 4), 2, 1)[:, ::2]  # a view that is not contiguous
    response = write_response(models["double"], request, {"OUTPUT__0": every_second})
    assert (response.model_name, response.model_version, response.id) == ("double", "1", "q")
    assert (response.outputs[0].datatype, list(response.outputs[0].shape)) == ("FP32", [2, 2])
    assert response.raw_output_contents[0] == numbers(3, 4).tobytes()
