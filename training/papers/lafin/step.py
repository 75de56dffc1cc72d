"""The two trainings of LaFIn, apart as section 2.3 says: the order of updates is written here and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.data.landmarks import nme, to_68
from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.losses.adversarial import lsgan_discriminator
from training.masking import complete, landmark_map, mask_image
from training.muon import optimizer
from training.papers.lafin.losses import Weights, generator_losses, landmark_loss, weighted_sum
from training.papers.lafin.networks import Discriminator, Generator, Predictor
from training.step import ALL, RECONSTRUCTION, Figures, Step, Turn

AUGMENTED_SHARE = 0.5  # of the pictures: one augmented pair for each pair (appendix B)
NME = "nme_percent"


class PredictorStep(Step):
    """One update of the landmark predictor (Eq. 1).

    With a frozen `generator`, half of the pictures are read as it completes them under another hole, from the true
    landmarks: I_aug of section 4, made anew whenever a picture is seen. Such a batch has `other_hole` and `chance`.
    """

    shipped = ("predictor",)
    columns = ("image", "masked image", "predicted green, given red")

    def __init__(
        self,
        predictor: Predictor,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        weight_decay: float,
        squared: bool,
        muon_length: float = 0.0,
        generator: nn.Module | None = None,
    ) -> None:
        last = predictor.head if muon_length else None
        moved = optimizer(predictor, learning_rate, betas, muon_length, weight_decay=weight_decay, last=last)
        frozen = {} if generator is None else {"generator": generator}
        super().__init__({"predictor": predictor}, {"predictor": moved}, frozen)
        self.squared = squared

    def turns(self) -> tuple[Turn, ...]:
        return (("predictor", self.landmark_loss),)

    def landmark_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        predicted = self.networks["predictor"](mask_image(self.pictures(batch), batch.hole))
        loss = landmark_loss(predicted, batch.landmarks, squared=self.squared)
        return loss, {"loss": loss, NME: nme(predicted.detach(), batch.landmarks).mean()}

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        return {NME: nme(networks["predictor"](mask_image(batch.image, batch.hole)).float(), batch.landmarks)}

    @torch.no_grad()
    def pictures(self, batch: Batch) -> Tensor:
        """What the predictor reads, before its hole: [B,3,H,W] in [0,1]."""
        generator = self.frozen.get("generator")
        if generator is None:
            return batch.image
        assert batch.chance is not None, "the part wants chance"
        assert batch.other_hole is not None, "the part wants other holes"
        chosen = (batch.chance[:, 0] < AUGMENTED_SHARE).nonzero()[:, 0]
        if not len(chosen):
            return batch.image
        image, hole = batch.image[chosen], batch.other_hole[chosen]
        height, width = image.shape[2:]
        dots = landmark_map(to_68(batch.landmarks[chosen]), height, width)
        pictures = batch.image.clone()
        pictures[chosen] = complete(generator(mask_image(image, hole), dots, hole), image, hole).to(pictures.dtype)
        return pictures

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: image, masked image, masked image with predicted (green) and given (red) landmarks."""
        masked = mask_image(batch.image, batch.hole)
        height, width = masked.shape[2:]
        predicted = landmark_map(networks["predictor"](masked), height, width)
        given = landmark_map(batch.landmarks, height, width)
        marked = masked * (1 - (predicted + given).clamp(max=1)) + torch.cat((given, predicted, 0 * given), dim=1)
        return torch.stack((batch.image, masked, marked), dim=1)


class GeneratorStep(Step):
    """One update of the discriminator, then one of the generator on the same fake (Eq. 2 to 7).

    In the phase "reconstruction" there is no discriminator; the paper knows only the full phase.
    """

    shipped = ("generator",)
    columns = ("masked image", "raw", "completed", "image")
    phases = (ALL, RECONSTRUCTION)

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        features: FrozenFeatures | None,
        *,
        weights: Weights,
        learning_rate: float,
        discriminator_learning_rate: float,
        betas: tuple[float, float],
        landmarks: bool = True,
        muon_length: float = 0.0,
    ) -> None:
        super().__init__(
            {"generator": generator, "discriminator": discriminator},
            {
                "generator": optimizer(generator, learning_rate, betas, muon_length),
                "discriminator": torch.optim.Adam(discriminator.parameters(), discriminator_learning_rate, betas),
            },
            {"features": features},
        )
        self.weights = weights
        self.landmarks = landmarks

    def turns(self) -> tuple[Turn, ...]:
        if self.phase == RECONSTRUCTION:
            return (("generator", self.generator_loss),)
        return (("discriminator", self.discriminator_loss), ("generator", self.generator_loss))

    def dots(self, batch: Batch) -> Tensor:
        """The landmark map; empty in the ablation without landmarks."""
        height, width = batch.image.shape[2:]
        dots = landmark_map(batch.landmarks, height, width)
        return dots if self.landmarks else torch.zeros_like(dots)

    def raw(self, batch: Batch) -> Tensor:
        """What the generator paints; both turns need it."""
        generator = self.networks["generator"]
        return self.once(
            "raw", batch, lambda: generator(mask_image(batch.image, batch.hole), self.dots(batch), batch.hole)
        )

    def discriminator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 6, second line. The fake is the completed picture of Definition 1."""
        fake = complete(self.raw(batch).detach(), batch.image, batch.hole)
        dots = self.dots(batch)
        scores = self.networks["discriminator"](torch.cat((batch.image, fake)), torch.cat((dots, dots)))
        real_scores, fake_scores = scores.chunk(2)
        loss = lsgan_discriminator(real_scores, fake_scores)
        return loss, {"discriminator": loss}

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 7, with the discriminator frozen: it is asked again after its own step."""
        raw = self.raw(batch)
        scores = None
        if self.phase != RECONSTRUCTION:
            with self.asked("discriminator") as (discriminator,):
                scores = discriminator(complete(raw, batch.image, batch.hole), self.dots(batch))
        features = self.frozen["features"]
        assert features is None or isinstance(features, FrozenFeatures)
        losses = generator_losses(raw, batch.image, batch.hole, scores, features)
        return weighted_sum(losses, self.weights), losses

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image with landmarks, raw, completed, image."""
        dots = self.dots(batch)
        masked = mask_image(batch.image, batch.hole)
        raw = networks["generator"](masked, dots, batch.hole)
        guided = masked * (1 - dots) + torch.cat((0 * dots, dots, 0 * dots), dim=1)
        return torch.stack((guided, raw, complete(raw, batch.image, batch.hole), batch.image), dim=1)
