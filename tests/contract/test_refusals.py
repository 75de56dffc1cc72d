"""A request that one engine refuses is refused by the other, with the same status and the same meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from tests.contract.engines import message
from tests.contract.repositories import DEPLOYED, max_batch_size
from tests.contract.test_answers import inputs_of, tensors_of

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND

Arrays = dict[str, Any]


def request_of(model: str, **fields: Any) -> Any:
    return message(model, inputs_of(model, 1, seed=3), **fields)


def with_inputs(change: Callable[[Arrays], Arrays]) -> Callable[[str], Any]:
    return lambda model: message(model, change(inputs_of(model, 1, seed=3)))


def with_message(change: Callable[[Any], Any]) -> Callable[[str], Any]:
    def make(model: str) -> Any:
        request = request_of(model)
        change(request)
        return request

    return make


def first(arrays: Arrays, change: Callable[[Any], Any]) -> Arrays:
    """`arrays` with the first one changed."""
    name = next(iter(arrays))
    return {**arrays, name: change(arrays[name])}


def too_large(model: str) -> Any:
    return message(model, inputs_of(model, max_batch_size(model) + 1, seed=3))


def shorten(request: Any) -> None:
    request.raw_input_contents[0] = request.raw_input_contents[0][:-1]


def lengthen(request: Any) -> None:
    request.raw_input_contents[0] += b"\0"


def both_contents(request: Any) -> None:
    request.inputs[0].contents.uint_contents.append(1)


def repeat_input(request: Any) -> None:
    request.inputs[1].CopyFrom(request.inputs[0])


def drop_data(request: Any) -> None:
    del request.raw_input_contents[-1]


def set_datatype(datatype: str) -> Callable[[Any], None]:
    def change(request: Any) -> None:
        request.inputs[0].datatype = datatype

    return change


def empty_shape(request: Any) -> None:
    del request.inputs[0].shape[:]


def set_timeout_text(request: Any) -> None:
    request.parameters["timeout"].string_param = "soon"


def reserved_parameter(request: Any) -> None:
    request.parameters["triton_secret"].int64_param = 1


def shared_memory(request: Any) -> None:
    request.inputs[0].parameters["shared_memory_region"].string_param = "region"
    request.inputs[0].parameters["shared_memory_byte_size"].int64_param = 1


def wrong_typed_field(request: Any) -> None:
    del request.raw_input_contents[:]
    request.inputs[0].contents.fp64_contents.append(1.0)


CASES: dict[str, tuple[Callable[[str], Any], grpc.StatusCode, str]] = {
    "wrong shape": (with_inputs(lambda a: first(a, lambda x: x[:, :, :-1])), INVALID, r"unexpected shape for input '"),
    "one axis more": (
        with_inputs(lambda a: first(a, lambda x: x[..., None])),
        INVALID,
        r"unexpected shape for input '",
    ),
    "wrong dtype": (
        with_inputs(lambda a: first(a, lambda x: x.astype(np.int64))),
        INVALID,
        r"data-type is 'INT64', but model '.+' expects '\w+'",
    ),
    "no such dtype": (with_message(set_datatype("UINT9")), INVALID, r"data-type is '<invalid>'"),
    "missing input": (
        with_inputs(lambda a: dict(list(a.items())[:-1])),
        INVALID,
        r"expected \d inputs but got \d inputs .* missing required input\(s\) \['\w+'\]",
    ),
    "no input": (with_inputs(lambda a: {}), INVALID, r"expected \d inputs but got 0 inputs"),
    "one input more": (
        with_inputs(lambda a: {**a, "EXTRA": np.zeros((1, 1), np.float32)}),
        INVALID,
        r"expected \d inputs but got \d inputs",
    ),
    "unknown input": (
        with_inputs(lambda a: {"OTHER" if place == 0 else name: a[name] for place, name in enumerate(a)}),
        INVALID,
        r"unexpected inference input 'OTHER'",
    ),
    "input twice": (with_message(repeat_input), INVALID, r"input '\w+' already exists in request"),
    "too large a batch": (too_large, INVALID, r"inference request batch-size must be <= \d+ for '"),
    "batches differ": (
        with_inputs(lambda a: first(a, lambda x: np.repeat(x, 2, 0))),
        INVALID,
        r"batch size does not match other inputs",
    ),
    "empty batch": (with_inputs(lambda a: {name: x[:0] for name, x in a.items()}), INVALID, r""),
    "no shape": (with_message(empty_shape), INVALID, r"has no shape but model requires batch dimension"),
    "a byte short": (
        with_message(shorten),
        INVALID,
        r"input byte size mismatch for input '\w+'.* Expected \d+, got \d+",
    ),
    "a byte more": (
        with_message(lengthen),
        INVALID,
        r"input byte size mismatch for input '\w+'.* Expected \d+, got \d+",
    ),
    "no data": (with_message(drop_data), INVALID, r"unable to find data for input tensor '\w+'"),
    "data twice": (with_message(both_contents), INVALID, r"contents field must not be specified when using raw_input"),
    "wrong typed field": (
        with_message(wrong_typed_field),
        INVALID,
        r"unexpected explicit tensor data for input tensor",
    ),
    "unknown output": (
        lambda model: request_of(model, outputs=[{"name": "OTHER"}]),
        INVALID,
        r"unexpected inference output 'OTHER'",
    ),
    "timeout as text": (with_message(set_timeout_text), INVALID, r"invalid value type for 'timeout' parameter"),
    "reserved parameter": (with_message(reserved_parameter), INVALID, r"parameter keys starting with 'triton_'"),
    "shared memory": (with_message(shared_memory), NOT_FOUND, r"Unable to find shared memory region: 'region'"),
    "unknown version": (lambda model: request_of(model, model_version="7"), NOT_FOUND, r"version 7 is not found"),
    "version in words": (lambda model: request_of(model, model_version="new"), INVALID, r"should be an integral value"),
}


OF_TWO_INPUTS = ("input twice", "batches differ")  # a model of one input cannot be asked so


@pytest.mark.parametrize(
    ("case", "model"),
    [
        (case, model)
        for case in CASES
        for model in DEPLOYED
        if case not in OF_TWO_INPUTS or len(tensors_of(model, "input")) > 1
    ],
)
async def test_refused_alike(case: str, model: str, stub: Any) -> None:
    make, status, text = CASES[case]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ModelInfer(make(model), timeout=30)
    assert refused.value.code() is status
    assert re.search(text, refused.value.details())


async def test_a_part_of_an_ensembles_outputs(stub: Any) -> None:
    request = request_of("lafin", outputs=[{"name": "raw"}])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ModelInfer(request, timeout=30)
    assert refused.value.code() is INVALID
    assert "in ensemble 'lafin'" in refused.value.details()


async def test_the_request_id_is_named(stub: Any) -> None:
    for request_id, shown in (("q-17", "q-17"), ("", "<id_unknown>")):
        request = message("lafin", inputs_of("lafin", max_batch_size("lafin") + 1, seed=1), id=request_id)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ModelInfer(request, timeout=30)
        assert refused.value.details().startswith(f"[request id: {shown}] ")


UNKNOWN_CALLS = {
    "ModelInfer": (service_pb2.ModelInferRequest(model_name="nobody"), NOT_FOUND),
    "ModelMetadata": (service_pb2.ModelMetadataRequest(name="nobody"), NOT_FOUND),
    "ModelConfig": (service_pb2.ModelConfigRequest(name="nobody"), NOT_FOUND),
    "ModelStatistics": (service_pb2.ModelStatisticsRequest(name="nobody"), INVALID),
}


@pytest.mark.parametrize("call", UNKNOWN_CALLS)
async def test_unknown_model(call: str, stub: Any) -> None:
    request, status = UNKNOWN_CALLS[call]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(stub, call)(request, timeout=30)
    assert refused.value.code() is status
    assert "nobody" in refused.value.details()


async def test_an_unknown_model_is_not_ready(stub: Any) -> None:
    assert not (await stub.ModelReady(service_pb2.ModelReadyRequest(name="nobody"))).ready
    assert not (await stub.ModelReady(service_pb2.ModelReadyRequest(name="lafin", version="7"))).ready
    assert (await stub.ModelReady(service_pb2.ModelReadyRequest(name="lafin"))).ready


async def test_typed_contents_are_read(stub: Any) -> None:
    """Numbers in the message instead of raw bytes give the same answer."""
    raw = request_of("lafin_generator")
    typed = service_pb2.ModelInferRequest()
    typed.CopyFrom(raw)
    del typed.raw_input_contents[:]
    for tensor, content in zip(typed.inputs, raw.raw_input_contents, strict=True):
        dtype = {"UINT8": np.uint8, "FP32": np.float32}[tensor.datatype]
        numbers = np.frombuffer(content, dtype).tolist()
        field = tensor.contents.uint_contents if dtype is np.uint8 else tensor.contents.fp32_contents
        field.extend(numbers)
    answers = [await stub.ModelInfer(request, timeout=30) for request in (raw, typed)]
    assert answers[0].raw_output_contents == answers[1].raw_output_contents
