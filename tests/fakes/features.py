"""A feature network that a test can compute with by hand."""

from __future__ import annotations

import torch


class Colours:
    """Its one map is the picture itself."""

    network = "colours"
    layers = ("rgb",)

    def __call__(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"rgb": image}
