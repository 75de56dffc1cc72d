"""Networks so small that a test sees through them: what a loss teaches stands in their only weight."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.frozen.parsers import FaceParser


class Painted(nn.Module):
    """Its answer is its only weight, whatever it is given: its gradient is what the losses say of the answer.

    `given` keeps the inputs of each call.
    """

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = nn.Parameter(answer.clone())
        self.given: list[tuple[Tensor, ...]] = []

    def forward(self, *inputs: Tensor) -> Tensor:
        self.given.append(inputs)
        return self.answer * 1


class FrozenColours(FrozenFeatures):
    """Its one map is the picture itself, [B,3,H,W] in [0,1]; `shown` keeps what it has seen."""

    def __init__(self) -> None:
        super().__init__("squeezenet1_1")
        self.shown: list[Tensor] = []

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        self.shown.append(image)
        return {"rgb": image}


class Shades(FaceParser):
    """A parser of three classes: dark, middle, light."""

    def forward(self, image: Tensor) -> Tensor:
        shade = image.mean(dim=1, keepdim=True)
        return -((shade.new_tensor((0.0, 0.5, 1.0)).view(1, 3, 1, 1) - shade).abs()) * 20


def pulled(step: Any, batch: Batch, phase: str) -> Tensor:
    """The gradient at the raw picture [B,3,H,W], from the whole turn of a generator that is `Painted`."""
    step.phase = phase
    step.descend("generator", [batch], step.generator_loss)
    gradient: Tensor | None = step.networks["generator"].answer.grad
    assert gradient is not None
    return gradient
