"""Whether the weights of a published file are those of a network: by key and shape, every difference named."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from training.errors import TrainingError


class PublishedKeysError(TrainingError):
    """Keys that are missing, unexpected or misshapen, each named, one kind per line."""


def bare_keys(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the `module.` that a wrapped network puts in front."""
    return {key.removeprefix("module."): weight for key, weight in weights.items()}


def require_keys(
    found: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    is_extra: Callable[[str], bool] = lambda key: False,
) -> None:
    """PublishedKeysError unless `found` has the keys and shapes of `expected`; `is_extra`: what may be there."""
    missing = [key for key in expected if key not in found]
    unexpected = [key for key in found if key not in expected and not is_extra(key)]
    misshapen = [
        f"{key} {list(found[key].shape)} instead of {list(shape)}"
        for key, shape in expected.items()
        if key in found and tuple(found[key].shape) != shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
    problems = [f"{kind} keys: {', '.join(keys)}" for kind, keys in kinds if keys]
    if problems:
        raise PublishedKeysError("\n".join(problems))
