"""The backbone alone: LBAM without attributes, which the paper's Table 1 compares itself with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.losses.wasserstein import gradient_penalty, wasserstein_critic, wasserstein_generator
from training.masking import complete, mask_image
from training.papers.reference.extractors import FILL
from training.papers.reference.losses import Weights, inpainting_losses, weighted_sum
from training.papers.reference.networks import Discriminator, Generator
from training.papers.reference.snapshots import obeying
from training.step import Figures, State, Step, Turn, unmoved

CHANCE = 1  # number that a batch brings for each picture: the place of the gradient penalty


class LbamStep(Step):
    """What every training of an LBAM generator has: its attention kept within bounds, and the discriminator's loss."""

    weights: Weights

    @property
    def generator(self) -> Generator:
        generator = self.networks["generator"]
        assert isinstance(generator, Generator)
        return generator

    def update(self, *shares: Batch) -> Figures:
        figures = super().update(*shares)
        self.generator.constrain()
        return figures

    def thaw(self, name: str, state: State) -> None:
        super().thaw(name, state)
        self.generator.constrain()

    def critic_loss(self, image: Tensor, fake: Tensor, places: Tensor) -> tuple[Tensor, Figures]:
        """Eq. 11 with its sign turned, of a fake without gradient; `places` [B] of the gradient penalty."""
        discriminator = self.networks["discriminator"]
        real_scores, fake_scores = discriminator(torch.cat((image, fake))).chunk(2)
        critic = wasserstein_critic(real_scores, fake_scores)
        with unmoved(discriminator):  # its spectral norms have moved with the scores
            penalty = gradient_penalty(discriminator, image, fake, places)
        return critic + self.weights.penalty * penalty, {"critic": critic, "penalty": penalty}


class BackboneStep(LbamStep):
    """The discriminator by Eq. 11, then the generator by the inpainting losses and Eq. 10, both of the one picture."""

    shipped = ("generator",)
    columns = ("masked image", "raw", "completed", "image")

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        optimizers: Mapping[str, torch.optim.Optimizer],
        features: FrozenFeatures | None,
        *,
        weights: Weights,
    ) -> None:
        networks = {"generator": generator, "discriminator": discriminator}
        super().__init__(networks, optimizers, {"features": features})
        self.weights = weights

    def turns(self) -> tuple[Turn, ...]:
        return ("discriminator", self.discriminator_loss), ("generator", self.generator_loss)

    def thaw(self, name: str, state: State) -> None:
        """Rows for attributes are left out where they are 0, as those of a converted LBAM."""
        super().thaw(name, dict(obeying(state, ())))

    def raw(self, batch: Batch) -> Tensor:
        """What the generator paints; both turns need it."""
        nothing = batch.image.new_zeros(len(batch.image), 0)
        return self.once("raw", batch, lambda: self.networks["generator"](batch.image, batch.hole, nothing))

    def discriminator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        assert batch.chance is not None, "the part must ask for chance"
        return self.critic_loss(batch.image, self.raw(batch).detach(), batch.chance[:, 0])

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 12 without Eq. 9; the discriminator frozen."""
        raw, features = self.raw(batch), self.frozen["features"]
        assert features is None or isinstance(features, FrozenFeatures)
        losses = inpainting_losses(raw, batch.image, batch.hole, features, self.weights)
        with self.asked("discriminator") as (discriminator,):
            losses["adversarial"] = wasserstein_generator(discriminator(raw))
        return weighted_sum(losses, self.weights), losses

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image, raw, completed, image."""
        nothing = batch.image.new_zeros(len(batch.image), 0)
        raw = networks["generator"](batch.image, batch.hole, nothing)
        masked = mask_image(batch.image, batch.hole, FILL)
        return torch.stack((masked, raw, complete(raw, batch.image, batch.hole), batch.image), dim=1)
