"""Every deployed model gives the same answers, names and descriptions on both engines."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import InferResult, service_pb2

from service.deadline import Deadline
from service.embedded.repository import Tensor, parse, read_tensor
from service.engine.client import EngineClient
from service.engine.specs import SPECS
from tests.contract.engines import EngineProcess, message
from tests.contract.repositories import DEPLOYED, LIKE, REPOSITORY, STANDIN, max_batch_size
from training.data.drawn import draw_face

CALL_SECONDS = 60.0
PIXELS_APART = 1  # of 255
NUMBERS_APART = 1e-3
IDS = {"parser"}  # models that answer class ids: a pixel on the edge between two classes may fall to either
IDS_APART = 1e-3  # share of the pixels


def tensors_of(model: str, field: str) -> list[Tensor]:
    config = REPOSITORY / model / "config.pbtxt"
    return [read_tensor(config, tensor) for tensor in getattr(parse(config), field)]


def made(tensor: Tensor, batch: int, seed: int) -> Any:
    """Random contents: a picture, a hole of one rectangle, points of the frame."""
    random = np.random.default_rng(seed)
    shape = (batch, *tensor.dims)
    if tensor.datatype != "UINT8":
        return (random.random(shape) * 255).astype(tensor.dtype)
    if tensor.dims[0] != 1:
        return random.integers(0, 256, shape, np.uint8)
    hole = np.zeros(shape, np.uint8)
    top, left = random.integers(0, tensor.dims[1] // 2, 2)
    hole[:, :, top : top + tensor.dims[1] // 3, left : left + tensor.dims[2] // 3] = 1
    return hole


def inputs_of(model: str, batch: int, seed: int) -> dict[str, Any]:
    inputs = {tensor.name: made(tensor, batch, seed + place) for place, tensor in enumerate(tensors_of(model, "input"))}
    if model == "finder":  # noise shows it nothing
        picture, hole = inputs
        pixels = inputs[picture].shape[-1]
        faces = [np.asarray(draw_face(seed + place, pixels).image) for place in range(batch)]
        inputs |= {picture: np.stack(faces).transpose(0, 3, 1, 2).copy(), hole: np.zeros_like(inputs[hole])}
    return inputs


def far_apart(one: Any, other: Any, model: str) -> bool:
    if model in IDS:
        return bool((one != other).mean() > IDS_APART)
    limit = PIXELS_APART if one.dtype == np.uint8 else NUMBERS_APART
    return bool(np.abs(one.astype(np.float64) - other.astype(np.float64)).max() > limit)


def test_there_are_models() -> None:
    assert "lafin" in DEPLOYED


@pytest.mark.parametrize("model", DEPLOYED)
async def test_same_answers_for_every_batch_size(model: str, stubs: dict[str, Any]) -> None:
    for batch in sorted({1, min(2, max_batch_size(model)), max_batch_size(model)}):
        request = message(model, inputs_of(model, batch, seed=batch), id=f"batch-{batch}")
        answers = {name: await stub.ModelInfer(request, timeout=CALL_SECONDS) for name, stub in stubs.items()}
        for answer in answers.values():
            assert (answer.model_name, answer.model_version, answer.id) == (model, "1", f"batch-{batch}")
        named = [sorted((o.name, o.datatype, tuple(o.shape)) for o in answer.outputs) for answer in answers.values()]
        assert named[0] == named[1]
        for tensor in tensors_of(model, "output"):
            one, other = (InferResult(answer).as_numpy(tensor.name) for answer in answers.values())
            assert one.shape == (batch, *tensor.dims)
            assert one.dtype == tensor.dtype
            assert not far_apart(one, other, model)


@pytest.mark.parametrize("model", DEPLOYED)
async def test_same_description(model: str, stubs: dict[str, Any]) -> None:
    asked = service_pb2.ModelMetadataRequest(name=model)
    one, other = [await stub.ModelMetadata(asked) for stub in stubs.values()]
    assert one == other
    asked = service_pb2.ModelConfigRequest(name=model)
    one, other = [without_triton_only(await stub.ModelConfig(asked)) for stub in stubs.values()]
    assert one == other


def without_triton_only(response: Any) -> Any:
    """The configuration without what Triton adds about itself: pinned memory, the backend's file, decoupling."""
    for field in ("optimization", "runtime", "model_transaction_policy"):
        response.config.ClearField(field)
    return response.config


async def test_same_repository_index(stubs: dict[str, Any]) -> None:
    one, other = [await stub.RepositoryIndex(service_pb2.RepositoryIndexRequest()) for stub in stubs.values()]
    assert sorted(map(str, one.models)) == sorted(map(str, other.models))


@pytest.mark.parametrize("model", DEPLOYED)
async def test_batched_and_single_requests_agree(model: str, stub: Any) -> None:
    """More different requests at once than fit into a batch: each gets the answer it gets alone."""
    count = max_batch_size(model) + 2
    requests = [message(model, inputs_of(model, 1, seed=1000 * n), id=str(n)) for n in range(count)]
    together = await all_at_once(stub, requests)
    alone = {n: await stub.ModelInfer(requests[n], timeout=CALL_SECONDS) for n in (0, count - 1)}
    for tensor in tensors_of(model, "output"):
        arrays = [InferResult(answer).as_numpy(tensor.name) for answer in together]
        assert len({array.tobytes() for array in arrays}) == count
        for n, answer in alone.items():
            assert not far_apart(arrays[n], InferResult(answer).as_numpy(tensor.name), model)


async def test_32_requests_at_once_get_their_own_answers(stubs: dict[str, Any]) -> None:
    requests = [message(STANDIN, inputs_of(LIKE, 1, seed=1000 * n), id=str(n)) for n in range(32)]
    answers = {name: await all_at_once(stub, requests) for name, stub in stubs.items()}
    for one, other in zip(answers["embedded"], answers["triton"], strict=True):
        assert (one.id, one.raw_output_contents) == (other.id, other.raw_output_contents)
    assert len({answer.raw_output_contents[0] for answer in answers["embedded"]}) == 32
    full = max_batch_size(LIKE)
    full_batches = [batches(await statistics(stub, STANDIN))[full] for stub in stubs.values()]
    assert min(full_batches) > 3  # three are the warm-up


async def all_at_once(stub: Any, requests: list[Any]) -> list[Any]:
    answers = await asyncio.gather(*[stub.ModelInfer(request, timeout=CALL_SECONDS) for request in requests])
    assert [answer.id for answer in answers] == [request.id for request in requests]
    return list(answers)


@pytest.mark.parametrize("model", [name for name in DEPLOYED if name in SPECS])
async def test_the_client_reads_both(model: str, engine: EngineProcess) -> None:
    spec = SPECS[model]
    tensors = {tensor.name: tensor for tensor in tensors_of(model, "input")}
    inputs = {tensor.name: made(tensors[tensor.wire_name], 1, 7) for tensor in spec.inputs}
    async with EngineClient(engine.url) as client:
        answer = await client.infer(model, inputs, deadline=Deadline(CALL_SECONDS))
        assert await client.ready(model)
    assert {name: array.shape for name, array in answer.items()} == {
        tensor.name: (1, *tensor.shape) for tensor in spec.outputs
    }


@pytest.mark.parametrize(
    ("model", "parameter", "begin"),
    [("parser", "classes", "background,skin,"), ("reference_extractor", "attributes", "gender,age,")],
)
async def test_names_come_from_both(engine: EngineProcess, model: str, parameter: str, begin: str) -> None:
    declared = parse(REPOSITORY / model / "config.pbtxt").parameters[parameter].string_value
    async with EngineClient(engine.url) as client:
        parameters = await client.parameters(model, deadline=Deadline(CALL_SECONDS))
    assert parameters[parameter] == declared
    assert declared.startswith(begin)


@pytest.mark.parametrize("model", DEPLOYED)
async def test_statistics_count_alike(model: str, stub: Any) -> None:
    """A batch counts as one execution and as so many inferences."""
    batch = min(2, max_batch_size(model))
    before = await statistics(stub, model)
    await stub.ModelInfer(message(model, inputs_of(model, batch, seed=5)), timeout=CALL_SECONDS)
    after = await statistics(stub, model, before.execution_count + 1)
    assert after.inference_count - before.inference_count == batch
    assert after.inference_stats.success.count - before.inference_stats.success.count == 1
    assert batches(after)[batch] - batches(before).get(batch, 0) == 1


async def statistics(stub: Any, model: str, executions: int = 0) -> Any:
    """Once they show this many executions; Triton counts a moment after it answers."""
    for _ in range(100):
        entry = (await stub.ModelStatistics(service_pb2.ModelStatisticsRequest(name=model))).model_stats[0]
        if entry.execution_count >= executions:
            return entry
        await asyncio.sleep(0.05)
    raise AssertionError(f"{executions} executions were never counted: {entry}")


def batches(entry: Any) -> dict[int, int]:
    return {batch.batch_size: batch.compute_infer.count for batch in entry.batch_stats}
