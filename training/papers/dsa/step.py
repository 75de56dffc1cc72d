"""The training of DSA: the order of updates is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.judged import JUDGED, NOT_JUDGED, JudgedStep, JudgedWeights, feature_judges
from training.losses.wasserstein import gradient_penalty, wasserstein_critic, wasserstein_generator
from training.masking import complete, mask_image
from training.papers.dsa.attention import Maps
from training.papers.dsa.crops import shown
from training.papers.dsa.losses import (
    Weights,
    perceptual_loss,
    reconstruction_loss,
    supervision_loss,
    weighted_sum,
)
from training.papers.dsa.networks import Discriminator, Generator
from training.step import ALL, RECONSTRUCTION, Figures, Turn, unmoved

QUARTERS = 4


class GeneratorStep(JudgedStep):
    """One update of each discriminator, then one of the generator on the same fake (Eq. 8 to 10).

    In the phase "reconstruction" there are no discriminators, in the phase "judged" others stand in for them
    (`training/judged.py`); the paper knows only the full phase.
    """

    shipped = ("generator",)
    columns = ("masked image", "raw", "completed", "image")
    phases = (ALL, RECONSTRUCTION, JUDGED)

    def __init__(
        self,
        generator: Generator,
        discriminators: Mapping[str, Discriminator],
        features: FrozenFeatures | None,
        *,
        weights: Weights,
        optimizers: Mapping[str, torch.optim.Optimizer],
        central: bool = False,
        seen_pixels: int = 0,
        judged_weights: JudgedWeights = NOT_JUDGED,
        heads: int = 0,
    ) -> None:
        """`central`: the local discriminators look at the frame's middle, as for irregular holes (appendix D).

        `heads`: the width of the heads of the phase "judged"; 0 = there are none.
        """
        more, adams = feature_judges(features, heads)
        networks = {"generator": generator, **discriminators, **more}
        super().__init__(networks, {**optimizers, **adams}, {"features": features})
        self.judged_weights = judged_weights
        self.judges = tuple(discriminators)
        self.weights = weights
        self.central = central
        self.seen_pixels = seen_pixels
        self.maps: Maps | None = None  # of the last pass of the generator

    def turns(self) -> tuple[Turn, ...]:
        judges = self.judges if self.phase == ALL else ()
        return (
            *self.judges_turns(),
            *((name, partial(self.discriminator_loss, name)) for name in judges),
            ("generator", self.generator_loss),
        )

    def raw(self, batch: Batch) -> Tensor:
        """What the generator paints; all turns need it. `maps` is set beside it, if the oracle is asked."""
        return self.once("raw", batch, lambda: self.paint(batch))

    def paint(self, batch: Batch) -> Tensor:
        """In the arithmetic of the losses, whatever that of the generator is."""
        generator, masked = self.networks["generator"], mask_image(batch.image, batch.hole, fill=0.0)
        if not self.weights.supervision:
            raw: Tensor = generator(masked, batch.hole)
            return raw.to(batch.image.dtype)
        assert isinstance(generator, Generator)
        raw, self.maps = generator.supervised(masked, batch.hole)
        return raw.to(batch.image.dtype)

    def oracle(self, batch: Batch) -> Maps:
        """The attention of the same layers on the ground truth; it leaves no trace in them and teaches them nothing."""
        generator = self.networks["generator"]
        assert isinstance(generator, Generator)
        with torch.no_grad(), unmoved(generator):
            return generator.oracle(batch.image, batch.hole)

    def seen(self, name: str, image: Tensor, batch: Batch) -> Tensor:
        """Eq. 8, C_i: the raw output's crop, never a completed picture's."""
        return shown(name, image, batch.hole, batch.landmarks, central=self.central)

    def discriminator_loss(self, name: str, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 8 for one discriminator."""
        real, fake = (self.seen(name, image, batch) for image in (batch.image, self.raw(batch).detach()))
        judge = self.networks[name]
        real_scores, fake_scores = judge(torch.cat((real, fake))).chunk(2)
        critic = wasserstein_critic(real_scores, fake_scores)
        penalty = gradient_penalty(judge, real, fake, self.places(name, batch))
        return critic + self.weights.penalty * penalty, {name: critic, f"{name}_penalty": penalty}

    def places(self, name: str, batch: Batch) -> Tensor:
        """Where between real and fake the penalty looks: a number of each face and discriminator."""
        assert batch.chance is not None, "the part must ask for chance"
        places = batch.chance[:, self.judges.index(name)]
        return places.repeat_interleave(QUARTERS) if name == "quarters" else places

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 10, with the discriminators frozen: they are asked again after their own steps."""
        raw = self.raw(batch)
        losses = {"reconstruction": reconstruction_loss(raw, batch.image, batch.hole, batch.landmarks)}
        if self.weights.supervision:
            assert self.maps is not None
            losses["supervision"] = supervision_loss(self.oracle(batch), self.maps)
        if (features := self.frozen["features"]) is not None:
            assert isinstance(features, FrozenFeatures)
            losses["perceptual"] = perceptual_loss(raw, batch.image, batch.hole, features)
        if self.phase == ALL:
            losses["adversarial"] = self.adversarial_loss(raw, batch)
        return self.with_judges(weighted_sum(losses, self.weights), losses, batch)

    def completed(self, batch: Batch) -> Tensor:
        return complete(self.raw(batch), batch.image, batch.hole)

    def adversarial_loss(self, raw: Tensor, batch: Batch) -> Tensor:
        """Eq. 9: the sum over all discriminators."""
        with self.asked(*self.judges) as judges:
            crops = [self.seen(name, raw, batch) for name in self.judges]
            scores = [judge(crop) for judge, crop in zip(judges, crops, strict=True)]
        return torch.stack([wasserstein_generator(score) for score in scores]).sum()

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image, raw, completed, image."""
        masked = mask_image(batch.image, batch.hole, fill=0.0)
        raw = networks["generator"](masked, batch.hole)
        return torch.stack((masked, raw, complete(raw, batch.image, batch.hole), batch.image), dim=1)
