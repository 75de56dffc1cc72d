"""The shipped generator against the paper's arithmetic, written out in plain float32 operations."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.checkpoint import load_snapshot
from training.data.landmarks import to_68
from training.given import Given
from training.papers.lafin.networks import Predictor, shrink
from training.papers.lafin.serving import lafin_predictor, load_generator, load_predictor

SNAPSHOT = Path(__file__).parents[4] / "model_repository" / "lafin_generator" / "snapshot.safetensors"
PIXELS = 96


def normed(x: Tensor) -> Tensor:
    return F.relu(F.instance_norm(x))


class Plain:
    """Table 8, line by line, over the weights of a snapshot."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def convolve(self, name: str, x: Tensor, reflect: int = 0, **options: int) -> Tensor:
        x = F.pad(x, (reflect,) * 4, mode="reflect") if reflect else x
        return F.conv2d(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"], **options)

    def grow(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return normed(F.conv_transpose2d(x, weight, bias, stride=2, padding=1))

    def attend(self, x: Tensor, earlier: Tensor, hole: Tensor) -> Tensor:
        query = self.convolve("attention.attention.query", x).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ query, dim=-1).transpose(1, 2)
        short = self.state["attention.gamma"] * (x.flatten(2) @ weights).reshape(x.shape) + x
        read = (earlier.flatten(2) @ weights).reshape(x.shape)
        both = torch.cat((short, self.state["attention.alpha"] * hole * read + (1 - hole) * earlier), dim=1)
        first = self.convolve("attention.merge.first", F.leaky_relu(both, 0.01), padding=1)
        second = self.convolve("attention.merge.second", F.leaky_relu(first, 0.01), padding=1)
        return self.convolve("attention.merge.bypass", both) + second

    def paint(self, masked: Tensor, dots: Tensor, hole: Tensor) -> Tensor:
        e1 = normed(self.convolve("encoder1.1", torch.cat((masked, dots), dim=1), reflect=3))
        e2 = normed(self.convolve("encoder2.0", e1, stride=2, padding=1))
        x = e3 = normed(self.convolve("encoder3.0", e2, stride=2, padding=1))
        for block in range(7):
            inner = normed(self.convolve(f"middle.{block}.body.1", x, reflect=2, dilation=2))
            x = x + F.instance_norm(self.convolve(f"middle.{block}.body.5", inner, reflect=1))
        x = self.grow("decoder1.0", self.attend(x, e3, shrink(hole, 4)))
        x = normed(self.convolve("fusion1.0", torch.cat((e2 * (1 - shrink(hole, 2)), x), dim=1)))
        x = normed(self.convolve("fusion2.0", torch.cat((e1 * (1 - hole), self.grow("decoder2.0", x)), dim=1)))
        return (torch.tanh(self.convolve("output.1", x, reflect=3)) + 1) / 2


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_shipped_generator_paints_as_the_table_says(layout: torch.memory_format) -> None:
    state, _ = load_snapshot(SNAPSHOT)
    generator = load_generator(state).generator.to(memory_format=layout)
    generator_seed = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 6, 6, generator=generator_seed)
    hole = torch.zeros(1, 1, PIXELS, PIXELS)
    hole[..., 20:70, 30:80] = 1
    masked = F.interpolate(coarse, size=(PIXELS, PIXELS), mode="bilinear") * (1 - hole) + hole
    dots = (torch.rand(1, 1, PIXELS, PIXELS, generator=generator_seed) > 0.99).float()
    with torch.no_grad():
        expected = Plain({key: tensor.float() for key, tensor in state.items()}).paint(masked, dots, hole)
        found = generator(masked, dots, hole)
    assert float(expected.std()) > 0.05
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("width", [1.0, 0.25])
def test_a_predictor_of_98_points_serves_its_68_at_any_width(width: float) -> None:
    torch.manual_seed(0)
    served = load_predictor(Predictor(98, width).state_dict())
    image, hole = torch.full((1, 3, 256, 256), 90, dtype=torch.uint8), torch.zeros(1, 1, 256, 256, dtype=torch.uint8)
    with torch.no_grad():
        every, few = served.every_point(image, hole), served(image, hole)
        system = lafin_predictor(lambda model: served)(Given(image, hole, few, ((0,),)))
        scripted = torch.jit.script(served)(image, hole)
    assert every.shape == (1, 98, 2)
    assert torch.equal(few, to_68(every))
    assert torch.allclose(scripted, few)
    assert torch.equal(system.landmarks, every)
