"""The training of GFC: the order of updates is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.frozen.parsers import FaceParser
from training.losses.adversarial import log_loss_discriminator
from training.losses.perceptual import perceptual
from training.masking import complete
from training.muon import optimizer
from training.papers.gfc.losses import (
    Weights,
    adversarial_losses,
    cut,
    parsing_loss,
    reconstruction_loss,
    squares,
    weighted_sum,
)
from training.papers.gfc.networks import Discriminator, Generator, folded, grained, unfold
from training.papers.gfc.serving import NOISE_GRAIN
from training.step import ALL, RECONSTRUCTION, Figures, State, Step, Turn

# Section 3.5: the terms of each phase of the curriculum. M1, M2, M3 of Figure 3 end after one of them; M4 is all.
LOCAL = "local"
GLOBAL = "global"
DISCRIMINATORS = {RECONSTRUCTION: (), LOCAL: ("local",), GLOBAL: ("local", "global"), ALL: ("local", "global")}


class GeneratorStep(Step):
    """One update of each discriminator that the phase has, then one of the generator on the same fake (Eq. 2)."""

    shipped = ("generator",)
    columns = ("filled with noise", "raw", "completed", "other noise", "image")
    phases = tuple(DISCRIMINATORS)

    def __init__(
        self,
        generator: Generator,
        local: Discriminator,
        whole: Discriminator,
        *,
        weights: Weights,
        learning_rate: float,
        discriminator_learning_rate: float,
        muon_length: float = 0.0,
        noise_grain: int = 1,
        drawn: Callable[[], Tensor],
        parser: FaceParser | None = None,
        features: FrozenFeatures | None = None,
    ) -> None:
        judges = {"local": local, "global": whole}
        adams = {
            name: torch.optim.Adam(judge.parameters(), discriminator_learning_rate, (0.5, 0.999))
            for name, judge in judges.items()
        }
        judged = {"parser": (weights.parsing, parser), "features": (weights.perceptual, features)}
        super().__init__(
            {"generator": generator, **judges},
            {"generator": optimizer(generator, learning_rate, (0.9, 0.999), muon_length), **adams},
            {name: network for name, (weight, network) in judged.items() if weight},
        )
        self.noise_grain = noise_grain
        self.weights = weights
        self.drawn = drawn  # filled pictures [N,3,128,128], for the first statistics of norms

    def turns(self) -> tuple[Turn, ...]:
        judges = DISCRIMINATORS[self.phase]
        return (
            *((name, partial(self.discriminator_loss, name)) for name in judges),
            ("generator", self.generator_loss),
        )

    def raw(self, batch: Batch) -> Tensor:
        """What the generator paints over the noise in the hole; all turns need it."""
        assert batch.noise is not None, "the part must ask for noise"
        filled = complete(grained(batch.noise, self.noise_grain), 2 * batch.image - 1, batch.hole)
        return self.once("raw", batch, lambda: self.networks["generator"](filled))

    def discriminator_loss(self, name: str, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 1 for one discriminator."""
        image, corners = 2 * batch.image - 1, squares(batch.hole)
        fake = seen(name, self.raw(batch).detach(), image, batch.hole, corners)
        real = cut(image, corners) if name == "local" else image
        real_logit, fake_logit = self.networks[name](torch.cat((real, fake))).chunk(2)
        loss = log_loss_discriminator(real_logit, fake_logit)
        return loss, {f"{name}_discriminator": loss}

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 2, with the discriminators frozen: they are asked again after their own steps."""
        image, hole, corners = 2 * batch.image - 1, batch.hole, squares(batch.hole)
        raw, names = self.raw(batch), DISCRIMINATORS[self.phase]
        losses = {"reconstruction": reconstruction_loss(raw, image, hole, self.weights.hole)}
        with self.asked(*names) as judges:
            fakes = {name: seen(name, raw, image, hole, corners) for name in names}
            losses |= adversarial_losses({name: judge(fakes[name]) for name, judge in zip(names, judges, strict=True)})
        completed = complete(raw, image, hole)
        if self.phase == ALL and (parser := self.frozen.get("parser")) is not None:
            losses["parsing"] = parsing_loss(parse(parser, completed), parse(parser, image))
        if self.phase != RECONSTRUCTION and (features := self.frozen.get("features")) is not None:
            losses["perceptual"] = perceptual(features((completed + 1) / 2), features((image + 1) / 2))
        return weighted_sum(losses, self.weights), losses

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: filled with noise, raw, completed, completed with other noise, image."""
        image = 2 * batch.image - 1
        dice = torch.Generator().manual_seed(0)
        noises = [
            grained(2 * torch.rand(image.shape, generator=dice).to(image) - 1, self.noise_grain) for _ in range(2)
        ]
        filled = [complete(noise, image, batch.hole) for noise in noises]
        raws = [networks["generator"](one) for one in filled]
        completed = [complete(raw, image, batch.hole) for raw in raws]
        return (torch.stack((filled[0], raws[0], *completed, image), dim=1) + 1) / 2

    def freeze(self, networks: Mapping[str, nn.Module]) -> dict[str, State]:
        generator = networks["generator"]
        assert isinstance(generator, Generator)
        grain = {} if self.noise_grain == 1 else {NOISE_GRAIN: torch.tensor(self.noise_grain)}
        return {"generator": folded(generator) | grain}

    def thaw(self, name: str, state: State) -> None:
        """Where norms were folded into layers, new ones begin that change nothing."""
        generator = self.networks[name]
        assert isinstance(generator, Generator)
        if int(state.get(NOISE_GRAIN, 1)) != self.noise_grain:
            raise RuntimeError(f"its noise has a grain of {int(state.get(NOISE_GRAIN, 1))}, not {self.noise_grain}")
        weights = {key: tensor for key, tensor in state.items() if key != NOISE_GRAIN}
        unfold(generator, weights, self.drawn())


def parse(parser: nn.Module, image: Tensor) -> Tensor:
    """[B,3,H,W] in [-1,1] -> logits of the frozen parser, which takes [0,1] and is shown faces of its own size."""
    assert isinstance(parser, FaceParser)
    shown = (image + 1) / 2
    if parser.pixels is not None:
        shown = F.interpolate(shown, size=[parser.pixels] * 2, mode="bilinear", align_corners=False)
    logits: Tensor = parser(shown)
    return logits


def seen(name: str, raw: Tensor, image: Tensor, hole: Tensor, corners: Tensor) -> Tensor:
    """What a discriminator sees: the completed picture, of which the local one gets the square at the hole.

    Section 3.2: the local one teaches only the missing region, the global one the entire picture. So the gradient
    of the global one passes to the raw picture everywhere, although its known pixels were replaced.
    """
    completed = complete(raw, image, hole)
    if name == "local":
        return cut(completed, corners)
    return raw + (completed - raw).detach()
