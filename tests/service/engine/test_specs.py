"""The service's specs and the repository's config.pbtxt say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.embedded.repository import parse, read_tensor
from service.engine.specs import SPECS, TensorSpec

REPOSITORY = Path(__file__).resolve().parents[3] / "model_repository"


def test_every_deployed_model_has_a_spec() -> None:
    assert sorted(SPECS) == sorted(path.parent.name for path in REPOSITORY.glob("*/config.pbtxt"))


@pytest.mark.parametrize("model", SPECS)
def test_spec_equals_configuration(model: str) -> None:
    spec, path = SPECS[model], REPOSITORY / model / "config.pbtxt"
    config = parse(path)
    assert spec.name == model
    assert spec.ensemble == config.HasField("ensemble_scheduling")
    for tensors, configured in ((spec.inputs, config.input), (spec.outputs, config.output)):
        expected = [read_tensor(path, tensor) for tensor in configured]
        assert [wire(tensor) for tensor in tensors] == [(t.name, t.datatype, t.dims) for t in expected]


def wire(tensor: TensorSpec) -> tuple[str, str, tuple[int, ...]]:
    return tensor.wire_name, tensor.dtype, tensor.shape


@pytest.mark.parametrize("model", [name for name, spec in SPECS.items() if not spec.ensemble])
def test_leaves_are_batched_bounded_and_warmed(model: str) -> None:
    """Every leaf: a queue limit, a time-out that a caller may shorten, three warm-ups of every batch size."""
    config = parse(REPOSITORY / model / "config.pbtxt")
    policy = config.dynamic_batching.default_queue_policy
    assert policy.max_queue_size > 0
    assert policy.default_timeout_microseconds > 0
    assert policy.allow_timeout_override
    assert not config.response_cache.enable
    warmed = {sample.batch_size: sample.count for sample in config.model_warmup}
    assert sorted(warmed) == list(range(1, config.max_batch_size + 1))
    assert min(warmed.values()) >= 3
    for sample in config.model_warmup:
        assert sorted(sample.inputs) == sorted(tensor.wire_name for tensor in SPECS[model].inputs)
