"""A precision is chosen, carried out, compared with float32, and written into the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.deployed import Deployed, Port, Served
from training.precision import (
    best_precision,
    best_script,
    decibels,
    distance,
    drawn_inputs,
    lower,
    script_in,
    write_script,
    written_precision,
)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

PIXELS = 32
PICTURE, MAP = Port("UINT8", (3, PIXELS, PIXELS)), Port("UINT8", (1, PIXELS, PIXELS))
POINTS, NUMBERS = Port("FP32", (68, 2)), Port("FP32", (8,))


class Painter(Served):
    """Gives the picture back, through weights of `gain` and their inverse: the larger, the more bfloat16 loses."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 3, 1)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(8, 3).reshape(8, 3, 1, 1))
            self.first.bias.fill_(gain)
            self.second.weight.copy_(torch.eye(3, 8).reshape(3, 8, 1, 1))
            self.second.bias.fill_(-gain)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        x = self.second(self.norm(self.first((image.float() / 255).to(self.dtype)))).float()
        return (x * 255).round().clamp(0, 255).to(torch.uint8)


def best(gain: float) -> tuple[torch.jit.ScriptModule, str, str]:
    network, deployed = painter(gain)
    return best_script(network, script_in(network, deployed, "float32"), deployed, "bfloat16")


def painter(gain: float) -> tuple[Painter, Deployed]:
    deployed = Deployed(
        part="generator",
        network="generator",
        load=lambda state: Painter(gain),
        inputs=(PICTURE, MAP),
        outputs=(PICTURE,),
        output_tolerance=1.0,
    )
    return Painter(gain).eval(), deployed


@pytest.mark.parametrize(
    ("gpu", "processor", "expected"),
    [
        (True, {"amx_bf16": True}, "float16"),
        (False, {"amx_bf16": True}, "bfloat16"),
        (False, {"avx512_bf16": True}, "bfloat16"),
        (False, {"avx512_bf16": False, "avx512_f": True}, "float32"),
        (False, {}, "float32"),
    ],
)
def test_the_processor_decides(gpu: bool, processor: dict[str, bool], expected: str) -> None:
    assert best_precision(gpu, processor) == expected


def test_a_precision_that_is_near_enough_is_taken() -> None:
    script, precision, said = best(0.0)
    assert precision == "bfloat16"
    assert said == "in bfloat16"
    assert "BFloat16" in str(script.inlined_graph)


def test_one_that_is_too_far_off_gives_way_to_float32_and_says_why() -> None:
    script, precision, said = best(64.0)
    assert precision == "float32"
    assert said.startswith("in float32, for in bfloat16 it has ")
    assert " dB, not 42 and it has " in said
    assert said.endswith(" dB in the hole, not 42")
    assert "BFloat16" not in str(script.inlined_graph)


def test_norms_and_named_layers_stay_float32() -> None:
    network, _ = painter(0.0)
    lower(network, torch.bfloat16, ["second"])
    found = {name: parameter.dtype for name, parameter in network.named_parameters()}
    assert {name for name, dtype in found.items() if dtype == torch.bfloat16} == {"first.weight", "first.bias"}
    assert network.dtype == torch.bfloat16


def test_the_network_that_is_given_stays_as_it_is() -> None:
    network, deployed = painter(0.0)
    script_in(network, deployed, "bfloat16")
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert network.dtype == torch.float32


def test_the_limits_of_every_kind_of_output() -> None:
    hole = torch.zeros(1, 1, PIXELS, PIXELS, dtype=torch.uint8)
    hole[..., :4, :4] = 1
    picture = torch.full((1, 3, PIXELS, PIXELS), 100, dtype=torch.uint8)
    assert distance(PICTURE, picture, picture + 2, hole) == ""
    assert distance(PICTURE, picture, picture + hole * 9, hole) == "it has 29.0 dB in the hole, not 42"
    ids = torch.zeros(1, 1, PIXELS, PIXELS, dtype=torch.uint8)
    assert distance(MAP, ids, ids, None) == ""
    assert distance(MAP, ids, hole, None) == "98.44% of the classes stay, not 99.5%"
    points = torch.full((1, 68, 2), 100.0)
    assert distance(POINTS, points, points + 0.2, None) == ""
    assert distance(POINTS, points, points + 0.3, None) == "its numbers move by 0.3, not 0.25"
    numbers = torch.zeros(1, 8)
    assert distance(NUMBERS, numbers, numbers + 0.1, None) == "its numbers move by 0.1, not 0.02"
    assert distance(NUMBERS, numbers, numbers * float("nan"), None) != ""


def test_decibels_count_where_they_are_asked() -> None:
    picture = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    other = picture.clone()
    other[..., 0, 0] = 255
    where = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    where[..., 1:, :] = 1
    assert decibels(picture, other, where) == float("inf")
    assert decibels(picture, other, 1 - where) == pytest.approx(6.02, abs=0.01)  # one of four pixels


def test_what_is_compared_are_faces() -> None:
    image, hole, points, numbers, reference = drawn_inputs((PICTURE, MAP, POINTS, NUMBERS, PICTURE))
    assert image.shape == (2, 3, PIXELS, PIXELS)
    assert 0 < float(hole.float().mean()) < 0.6
    assert 0 <= float(points.min()) < float(points.max()) < PIXELS
    assert -1 <= float(numbers.min()) < float(numbers.max()) <= 1
    assert not torch.equal(image, reference)


def test_a_file_says_its_precision(tmp_path: Path) -> None:
    network, deployed = painter(0.0)
    script = script_in(network, deployed, "bfloat16")
    write_script(script, "bfloat16", tmp_path / "model.pt")
    assert written_precision(tmp_path / "model.pt") == "bfloat16"
    torch.jit.save(script, str(tmp_path / "silent.pt"))
    assert written_precision(tmp_path / "silent.pt") == "float32"


def test_batch_norms_go_into_the_convolutions() -> None:
    network, deployed = painter(0.0)
    assert "aten::batch_norm" not in str(script_in(network, deployed, "bfloat16").inlined_graph)
