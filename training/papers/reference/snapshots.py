"""What a snapshot carries beside its weights, which do not show it: the attributes' names, and a side in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from training.seen import pixels_in, weights_at, with_pixels, without_pixels

NAMES = "attribute_names"  # the names, joined by commas, as bytes of UTF-8
BOTTLENECK = "decoder.0.weight"  # of the generator: [channels + attributes, ...]
DEEPEST = "encoder.6.weight"  # [channels, ...]


def described(state: Mapping[str, Tensor], names: Sequence[str], pixels: int) -> dict[str, Tensor]:
    """The state with both."""
    return {
        **with_pixels(state, pixels),
        NAMES: torch.tensor(list(",".join(names).encode()), dtype=torch.uint8),
    }


def names_in(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The names in a snapshot; none if it has none."""
    stored = state.get(NAMES, torch.zeros(0))
    return tuple(bytes(stored.tolist()).decode().split(",")) if stored.ndim == 1 and len(stored) else ()


def weights_in(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The snapshot without both."""
    return {key: tensor for key, tensor in without_pixels(state).items() if key != NAMES}


def weights_for(state: Mapping[str, Tensor], names: Sequence[str], pixels: int) -> dict[str, Tensor]:
    """The weights of a snapshot that says the same. RuntimeError if it says otherwise."""
    if (found := names_in(state)) != tuple(names):
        raise RuntimeError(f"its attributes are {', '.join(found) or 'not named'}, not {', '.join(names)}")
    return weights_in(weights_at(state, pixels))


def obeying(state: Mapping[str, Tensor], names: Sequence[str]) -> Mapping[str, Tensor]:
    """The snapshot of a generator that obeys no attribute, as one that is about to learn these; any other as it is.

    Such are the backbone alone, and a converted one, whose rows for attributes are 0: they get a row of 0 for each.
    """
    if BOTTLENECK not in state or DEEPEST not in state:
        return state
    weight, channels = state[BOTTLENECK], len(state[DEEPEST])
    if weight[channels:].any():
        return state
    rows = weight.new_zeros(len(names), *weight.shape[1:])
    bare = {**weights_in(state), BOTTLENECK: torch.cat((weight[:channels], rows))}
    return described(bare, names, pixels_in(state)) if names else with_pixels(bare, pixels_in(state))
