"""The loss of the face parser: BiSeNet's Eq. 4, the principal loss and those of the auxiliary heads."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from training.losses.hard_examples import hard_cross_entropy
from training.papers.parser.networks import spread


def parser_losses(logits: Sequence[Tensor], parsing: Tensor, class_weights: Tensor | None = None) -> dict[str, Tensor]:
    """Hard cross entropy of each head, spread to the map's sides: `main`, `at_8`, `at_16`; Eq. 4 adds them, alpha = 1.

    logits three times [B,classes,h,w], parsing [B,H,W] -> scalars.
    """
    height, width = parsing.shape[1:]
    names = ("main", "at_8", "at_16")
    return {
        name: hard_cross_entropy(spread(one, height, width), parsing, class_weights=class_weights)
        for name, one in zip(names, logits, strict=True)
    }
