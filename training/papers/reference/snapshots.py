"""What a snapshot carries beside its weights, which do not show it: the attributes' names, and a side in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

NAMES = "attribute_names"  # the names, joined by commas, as bytes of UTF-8
PIXELS = "seen_pixels"  # the side that an extractor sees pictures at; 0 or no entry: as they come
ENTRIES = (NAMES, PIXELS)


def described(state: Mapping[str, Tensor], names: Sequence[str], pixels: int) -> dict[str, Tensor]:
    """The state with both."""
    return {
        **state,
        NAMES: torch.tensor(list(",".join(names).encode()), dtype=torch.uint8),
        PIXELS: torch.tensor(pixels),
    }


def names_in(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The names in a snapshot; none if it has none."""
    stored = state.get(NAMES, torch.zeros(0))
    return tuple(bytes(stored.tolist()).decode().split(",")) if stored.ndim == 1 and len(stored) else ()


def pixels_in(state: Mapping[str, Tensor]) -> int:
    """The side in a snapshot."""
    stored = state.get(PIXELS, torch.tensor(0))
    return int(stored) if stored.ndim == 0 else 0


def weights_in(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The snapshot without both."""
    return {key: tensor for key, tensor in state.items() if key not in ENTRIES}


def weights_for(state: Mapping[str, Tensor], names: Sequence[str], pixels: int) -> dict[str, Tensor]:
    """The weights of a snapshot that says the same. RuntimeError if it says otherwise."""
    if (found := names_in(state)) != tuple(names):
        raise RuntimeError(f"its attributes are {', '.join(found) or 'not named'}, not {', '.join(names)}")
    if (side := pixels_in(state)) != pixels:
        raise RuntimeError(f"it sees pictures at {side} px, not at {pixels}")
    return weights_in(state)
