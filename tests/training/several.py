"""Trains every tiny recipe by itself: python -m tests.training.several OUTPUT, also under torchrun.

OUTPUT/NAME/ is the run folder of each case of `CASES` for each part; `files` makes the frozen networks that losses use.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.training.pictures import write_scenes
from training.checkpoint import save_snapshot
from training.data.drawn import DrawnFaces
from training.frozen.features import FrozenFeatures
from training.layers.feature_judge import FeatureJudge
from training.loop import train
from training.machine import Machine
from training.papers import RECIPES
from training.papers.finder.sources import SceneFaces
from training.papers.parser.networks import Parser
from training.papers.parser.serving import open_parser
from training.recipe import Files, Part
from training.settings import with_settings
from training.step import Step


class Straight(torch.optim.Optimizer):
    """Moves all weights together by `lr` along their gradient.

    Adam divides each gradient by its own size: in front of a norm, where some are nothing but rounding, weights go
    either way, and no two sums in another order agree.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        moved = [(p, group["lr"]) for group in self.param_groups for p in group["params"] if p.grad is not None]
        length = torch.stack([p.grad.norm() for p, _ in moved]).norm()
        for parameter, rate in moved:
            parameter.add_(parameter.grad, alpha=-rate / float(length))


def build(part: Part) -> Callable[[Files], Step]:
    """The part's step, moved by `Straight`. Batch norms multiply rounding, so their networks compute in doubles."""

    def built(frozen: Files) -> Step:
        step = part.build(frozen)
        for name, network in step.networks.items():
            step.optimizers[name] = Straight(network.parameters(), lr=0.01)
            if has_batch_norms(step) and not isinstance(network, FeatureJudge):
                network.double().register_forward_pre_hook(doubled)
        return step

    return built


def doubled(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value.double() for value in inputs)


# Batch and micro-batches. Of three pictures one of two processes has two, the other has one.
# With one picture in each micro-batch the second process only repeats it; batch norms need two.
CASES = {"uneven": (3, 1), "accumulated": (4, 2), "idle": (3, 3)}
SCENES = tempfile.TemporaryDirectory(prefix="scenes")  # gone when this process ends
write_scenes(Path(SCENES.name))
FACES = SceneFaces(DrawnFaces(6, 64), Path(SCENES.name), None)
CPU = Machine(accelerator="cpu", devices=1, precision="32-true", threads=1)


def has_batch_norms(step: Step) -> bool:
    return any(isinstance(m, nn.BatchNorm2d) for network in step.networks.values() for m in network.modules())


def tiny_parts() -> dict[str, Part]:
    """Every part of every tiny recipe, by a name of its own."""
    recipes = [RECIPES[name]() for name in RECIPES if name.endswith("_tiny")]
    return {f"{recipe.name}_{part.name}": part for recipe in recipes for part in recipe.parts}


def cases() -> list[tuple[str, str]]:
    """Names of parts and of the cases that they can run in."""
    return [
        (name, case)
        for name, part in tiny_parts().items()
        for case in CASES
        if case != "idle" or not has_batch_norms(part.build(Files()))
    ]


def files(folder: Path) -> Files:
    """A feature network and a parser with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_snapshot(folder / "features.safetensors", FrozenFeatures("squeezenet1_1").state_dict(), {}, half=False)
    save_snapshot(folder / "parser.safetensors", Parser(11, width=4).state_dict(), {}, half=False)
    return Files(folder / "features.safetensors", open_parser(folder / "parser.safetensors"))


def run(name: str, part: Part, output: Path, frozen: Files, case: str) -> Path:
    """Train one part in one case; its run folder."""
    batch, accumulate = CASES[case]
    folder = output / f"{name}_{case}"
    machine = Machine(accelerator="cpu", precision="32-true", threads=1, accumulate=accumulate)
    stages = part.stages
    if len(stages) == 1:
        stages = (replace(stages[0], until_images=2 * batch),)  # two updates tell as much as six
    train(
        with_settings(replace(part, build=build(part), stages=stages), {"batch_size": str(batch)}),
        FACES,
        folder,
        frozen,
        machine,
    )
    return folder


if __name__ == "__main__":
    target = Path(sys.argv[1])
    given = Files(target / "files" / "features.safetensors", open_parser(target / "files" / "parser.safetensors"))
    for name, case in cases():
        run(name, tiny_parts()[name], target, given, case)
