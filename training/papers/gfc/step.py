"""The training of GFC: the order of updates is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.losses.adversarial import log_loss_discriminator
from training.losses.perceptual import perceptual
from training.masking import complete
from training.muon import Muon, groups
from training.papers.gfc.losses import (
    Weights,
    adversarial_losses,
    cut,
    parsing_loss,
    reconstruction_loss,
    squares,
    weighted_sum,
)
from training.papers.gfc.networks import Discriminator, Generator, folded, grained
from training.papers.gfc.serving import NOISE_GRAIN

# Section 3.5: the terms of each phase of the curriculum. M1, M2, M3 of Figure 3 end after one of them; M4 is all.
RECONSTRUCTION = "reconstruction"
LOCAL = "local"
GLOBAL = "global"
DISCRIMINATORS = {RECONSTRUCTION: (), LOCAL: ("local",), GLOBAL: ("local", "global"), "": ("local", "global")}


class GeneratorStep:
    """One update of each discriminator that the phase has, then one of the generator on the same fake (Eq. 2)."""

    shipped: tuple[str, ...] = ("generator",)
    backward: Callable[[Tensor], None] = staticmethod(torch.Tensor.backward)
    phase: str = ""

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
        parser: nn.Module | None = None,
        parser_scale: int = 1,
        features: FrozenFeatures | None = None,
    ) -> None:
        self.networks: dict[str, nn.Module] = {"generator": generator, "local": local, "global": whole}
        rates = {"local": discriminator_learning_rate, "global": discriminator_learning_rate}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": optimizer(generator, learning_rate, muon_length),
            **{name: torch.optim.Adam(self.networks[name].parameters(), rates[name], (0.5, 0.999)) for name in rates},
        }
        self.noise_grain = noise_grain
        self.weights = weights
        if weights.parsing:
            self.parser = parser
            self.parser_scale = parser_scale  # pictures are enlarged by this before they are parsed
        if weights.perceptual:
            self.features = features

    def update(self, batch: Batch) -> dict[str, Tensor]:
        image = 2 * batch.image - 1
        noise = grained(2 * torch.rand_like(image) - 1, self.noise_grain)
        self.networks["generator"].train()
        raw = self.networks["generator"](complete(noise, image, batch.hole))
        corners = squares(batch.hole)
        figures = {}
        for name in DISCRIMINATORS[self.phase]:
            loss = self.update_discriminator(name, raw.detach(), image, batch.hole, corners)
            figures[f"{name}_discriminator"] = loss.detach()
        losses = self.update_generator(raw, image, batch.hole, corners)
        return {**{name: loss.detach() for name, loss in losses.items()}, **figures}

    def update_discriminator(self, name: str, raw: Tensor, image: Tensor, hole: Tensor, corners: Tensor) -> Tensor:
        """Eq. 1 for one discriminator."""
        fake = seen(name, raw, image, hole, corners)
        real = cut(image, corners) if name == "local" else image
        real_logit, fake_logit = self.networks[name](torch.cat((real, fake))).chunk(2)
        loss = log_loss_discriminator(real_logit, fake_logit)
        self.optimizers[name].zero_grad(set_to_none=True)
        self.backward(loss)
        self.optimizers[name].step()
        return loss

    def update_generator(self, raw: Tensor, image: Tensor, hole: Tensor, corners: Tensor) -> dict[str, Tensor]:
        """Eq. 2, with the discriminators frozen: they are asked again after their own steps."""
        losses = {"reconstruction": reconstruction_loss(raw, image, hole, self.weights.hole)}
        judges = {name: bare(self.networks[name]).requires_grad_(False) for name in DISCRIMINATORS[self.phase]}
        fakes = {name: seen(name, raw, image, hole, corners) for name in judges}
        losses |= adversarial_losses({name: judge(fakes[name]) for name, judge in judges.items()})
        if self.phase == "" and getattr(self, "parser", None) is not None:
            losses["parsing"] = parsing_loss(self.parse(complete(raw, image, hole)), self.parse(image))
        if self.phase != RECONSTRUCTION and getattr(self, "features", None) is not None:
            losses["perceptual"] = self.perceptual(complete(raw, image, hole), image)
        self.optimizers["generator"].zero_grad(set_to_none=True)
        self.backward(weighted_sum(losses, self.weights))
        self.optimizers["generator"].step()
        for judge in judges.values():
            judge.requires_grad_(True)
        return losses

    def parse(self, image: Tensor) -> Tensor:
        """[B,3,H,W] in [-1,1] -> parsing logits of the frozen parser, which takes [0,1]."""
        assert self.parser is not None
        shown = (image + 1) / 2
        if self.parser_scale > 1:
            shown = F.interpolate(shown, scale_factor=self.parser_scale, mode="bilinear", align_corners=False)
        logits: Tensor = self.parser(shown)
        return logits

    def perceptual(self, completed: Tensor, image: Tensor) -> Tensor:
        """Feature maps of both pictures, which the frozen network takes in [0,1]."""
        assert self.features is not None
        return perceptual(self.features((completed + 1) / 2), self.features((image + 1) / 2))

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

    def freeze(self, networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
        generator = bare(networks["generator"])
        assert isinstance(generator, Generator)
        grain = {} if self.noise_grain == 1 else {NOISE_GRAIN: torch.tensor(self.noise_grain)}
        return {"generator": folded(generator) | grain}


def optimizer(generator: Generator, learning_rate: float, muon_length: float) -> torch.optim.Optimizer:
    if muon_length:
        return Muon(groups(generator, learning_rate, muon_length), learning_rate)
    return torch.optim.Adam(generator.parameters(), learning_rate, (0.9, 0.999))


def seen(name: str, raw: Tensor, image: Tensor, hole: Tensor, corners: Tensor) -> Tensor:
    """What a discriminator sees: the completed picture, of which the local one gets the square at the hole.

    Section 3.2: the local one teaches only the missing region, the global one the entire picture. So the gradient
    of the global one passes to the raw picture everywhere, although its known pixels were replaced.
    """
    completed = complete(raw, image, hole)
    if name == "local":
        return cut(completed, corners)
    return raw + (completed - raw).detach()


def bare(network: nn.Module) -> nn.Module:
    """The network without the loop's wrappers, so that a frozen pass is not counted by distributed training."""
    while isinstance(inner := getattr(network, "module", None), nn.Module):
        network = inner
    return network
