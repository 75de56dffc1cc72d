"""The bytes of one input tensor, from the raw or from the typed contents of a ModelInferRequest."""

from __future__ import annotations

from typing import Any

import numpy as np
from tritonclient.utils import triton_to_np_dtype

from service.embedded.refusals import invalid, not_found

TYPED_FIELDS: dict[str, tuple[str, str]] = {  # datatype -> the field of InferTensorContents, and its own datatype
    "BOOL": ("bool_contents", "BOOL"),
    "UINT8": ("uint_contents", "UINT32"),
    "UINT16": ("uint_contents", "UINT32"),
    "UINT32": ("uint_contents", "UINT32"),
    "UINT64": ("uint64_contents", "UINT64"),
    "INT8": ("int_contents", "INT32"),
    "INT16": ("int_contents", "INT32"),
    "INT32": ("int_contents", "INT32"),
    "INT64": ("int64_contents", "INT64"),
    "FP32": ("fp32_contents", "FP32"),
    "FP64": ("fp64_contents", "FP64"),
    "BYTES": ("bytes_contents", "BYTES"),
}
OWN_TYPES = dict(TYPED_FIELDS.values())  # several datatypes share a field
WIRE_TYPES = {*TYPED_FIELDS, "FP16", "BF16"}  # every datatype that KServe knows


def read_data(model: str, message: Any, index: int) -> bytes:
    """The bytes of one input, from the raw or from the typed contents."""
    given = message.inputs[index]
    where = f"'{given.name}' for model '{model}'"
    if "shared_memory_region" in given.parameters:
        raise not_found(
            f"Unable to find shared memory region: '{given.parameters['shared_memory_region'].string_param}'"
        )
    if message.raw_input_contents:
        if given.HasField("contents"):
            raise invalid(f"contents field must not be specified when using raw_input_contents for {where}")
        if index >= len(message.raw_input_contents):
            raise invalid(f"unable to find data for input tensor {where} in request.")
        return bytes(message.raw_input_contents[index])
    filled = [field.name for field, _ in given.contents.ListFields()]
    if not filled:
        raise invalid(f"unable to find data for input tensor {where} in request.")
    field, own = TYPED_FIELDS.get(given.datatype, ("", ""))
    for name in filled:
        if name != field:
            raise invalid(
                f"unexpected explicit tensor data for input tensor {where} of type '{OWN_TYPES[name]}',"
                f" expected datatype '{given.datatype}'"
            )
    return typed_bytes(getattr(given.contents, field), given.datatype, own)


def typed_bytes(values: Any, datatype: str, own: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(values)
    wide = np.array(values, dtype=triton_to_np_dtype(own))
    return wide.astype(triton_to_np_dtype(datatype)).tobytes()
