from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from service.embedded.contents import read_data
from service.embedded.refusals import Refusal

TYPED = {
    "BOOL": ("bool_contents", np.array([True, False])),
    "UINT8": ("uint_contents", np.array([0, 255], np.uint8)),
    "UINT16": ("uint_contents", np.array([0, 65535], np.uint16)),
    "UINT32": ("uint_contents", np.array([0, 2**32 - 1], np.uint32)),
    "UINT64": ("uint64_contents", np.array([0, 2**64 - 1], np.uint64)),
    "INT8": ("int_contents", np.array([-128, 127], np.int8)),
    "INT16": ("int_contents", np.array([-(2**15), 2**15 - 1], np.int16)),
    "INT32": ("int_contents", np.array([-(2**31), 2**31 - 1], np.int32)),
    "INT64": ("int64_contents", np.array([-(2**63), 2**63 - 1], np.int64)),
    "FP32": ("fp32_contents", np.array([-1.5, 3e38], np.float32)),
    "FP64": ("fp64_contents", np.array([-1.5, 1e300], np.float64)),
}


def message(datatype: str) -> Any:
    request = service_pb2.ModelInferRequest(model_name="m")
    request.inputs.add(name="x", datatype=datatype, shape=[1, 2])
    return request


@pytest.mark.parametrize("datatype", TYPED)
def test_typed_contents_become_the_same_bytes(datatype: str) -> None:
    field, array = TYPED[datatype]
    request = message(datatype)
    getattr(request.inputs[0].contents, field).extend(array.tolist())
    assert read_data("m", request, 0) == array.tobytes()


def test_raw_contents_are_taken_as_they_are() -> None:
    request = message("UINT8")
    request.raw_input_contents.append(b"ab")
    assert read_data("m", request, 0) == b"ab"


def test_half_floats_only_come_as_raw_bytes() -> None:
    request = message("FP16")
    request.inputs[0].contents.fp32_contents.extend([1.0, 2.0])
    with pytest.raises(Refusal, match="unexpected explicit tensor data"):
        read_data("m", request, 0)


def test_two_typed_fields_are_one_too_many() -> None:
    request = message("UINT8")
    request.inputs[0].contents.uint_contents.extend([1, 2])
    request.inputs[0].contents.fp32_contents.extend([1.0])
    with pytest.raises(Refusal, match="of type 'FP32', expected datatype 'UINT8'"):
        read_data("m", request, 0)
