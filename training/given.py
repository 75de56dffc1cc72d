"""What a whole system is given and what it answers: the contract between the rooms and all that measures them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Given:
    """A batch of faces as a system may see them: whatever image it is made with, the image it holds is 0 in the hole.

    So no system that is called with a `Given` can learn by accident what it has to find.
    """

    image: Tensor  # [B,3,F,F] uint8, RGB; F is the side of the system's face frame
    hole: Tensor  # [B,1,F,F] uint8 in {0,1}, 1 = missing
    landmarks: Tensor  # [B,68,2] float32, the true ones, (x, y) in pixels of the frame
    noise_seeds: tuple[tuple[int, ...], ...]  # one for each face; a face's noise depends on nothing else
    reference: Tensor | None = None  # [B,3,F,F] uint8, a picture that guides; None = there is none
    attributes: Tensor | None = None  # [B,A] float32; None = the faces have none

    def __post_init__(self) -> None:
        assert len(self.noise_seeds) == len(self.image) == len(self.hole), "one seed for each face"
        object.__setattr__(self, "image", self.image * (1 - self.hole))

    def dice(self) -> list[np.random.Generator]:
        """One generator per face, always in the same state: what is drawn for a face depends on nothing else."""
        return [np.random.default_rng(seed) for seed in self.noise_seeds]


@dataclass(frozen=True)
class Answer:
    """What a system returns; None is what it has not."""

    raw: Tensor | None = None  # [B,3,F,F] uint8, the last stage's
    coarse: Tensor | None = None  # [B,3,F,F] uint8, the first stage's
    landmarks: Tensor | None = None  # [B,68,2] or [B,98,2] float32, predicted, in pixels of the frame
    parsing: Tensor | None = None  # [B,1,F,F] uint8, class ids
    attributes: Tensor | None = None  # [B,A] float32, read from the picture


System = Callable[[Given], Answer]
OpenModel = Callable[[str], nn.Module]  # a deployed model's name -> the module
BuildSystem = Callable[[OpenModel], System]  # opens the models that the system runs, and does nothing else
