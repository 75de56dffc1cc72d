"""The three trainings of ShowFace: the order of updates is written here and nowhere else."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.parsing import CLASS_SETS, colour_table
from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.frozen.parsers import FaceParser
from training.judged import JUDGED, NOT_JUDGED, JudgedStep, JudgedWeights, feature_judges
from training.losses.adversarial import log_loss_discriminator, log_loss_generator
from training.losses.perceptual import perceptual
from training.losses.style import style
from training.losses.variation import total_variation
from training.masking import complete
from training.muon import optimizer
from training.papers.showface.losses import (
    CoarseWeights,
    Weights,
    coarse_losses,
    inco2_losses,
    semantic_loss,
    weighted_sum,
)
from training.papers.showface.networks import Coarse, Discriminator, Reconstruction, Refiner
from training.papers.showface.regions import CLASSES
from training.papers.showface.remembering import remember
from training.step import ALL, RECONSTRUCTION, Figures, Step, Turn

WHOLE_L1 = "l1_percent"


class CoarseStep(Step):
    """One update of the coarse network (Liu et al. 2018, Eq. 8).

    In the phase "reconstruction" no feature network is asked; the paper knows only the full phase.
    """

    shipped = ("coarse",)
    columns = ("masked image", "raw", "completed", "image")
    phases = (ALL, RECONSTRUCTION)

    def __init__(
        self,
        coarse: Coarse,
        features: FrozenFeatures | None,
        *,
        weights: CoarseWeights,
        learning_rate: float,
        betas: tuple[float, float],
        muon_length: float = 0.0,
        seen_pixels: int = 0,
    ) -> None:
        moved = optimizer(coarse, learning_rate, betas, muon_length)
        super().__init__({"coarse": coarse}, {"coarse": moved}, {"features": features})
        self.weights = weights
        self.seen_pixels = seen_pixels

    def turns(self) -> tuple[Turn, ...]:
        return (("coarse", self.coarse_loss),)

    def coarse_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        features = None if self.phase == RECONSTRUCTION else self.frozen["features"]
        assert features is None or isinstance(features, FrozenFeatures)
        raw = self.networks["coarse"](batch.image, batch.hole)
        losses = coarse_losses(raw, batch.image, batch.hole, features, self.weights)
        return weighted_sum(losses, self.weights), losses

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image, raw, completed, image."""
        raw = networks["coarse"](batch.image, batch.hole)
        masked = batch.image * (1 - batch.hole)
        return torch.stack((masked, raw, complete(raw, batch.image, batch.hole), batch.image), dim=1)


class InCo2Step(Step):
    """One update of the network whose encoder the InCo2 loss looks through (Figure 4, left): L1 of whole pictures."""

    shipped = ("inco2",)
    columns = ("image", "reconstruction")

    def __init__(self, network: Reconstruction, *, learning_rate: float, betas: tuple[float, float]) -> None:
        super().__init__({"inco2": network}, {"inco2": torch.optim.Adam(network.parameters(), learning_rate, betas)})

    def turns(self) -> tuple[Turn, ...]:
        return (("inco2", self.reconstruction_loss),)

    def reconstruction_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        loss = (self.networks["inco2"](batch.image) - batch.image).abs().mean()
        return loss, {"reconstruction": loss}

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """L1 of whole pictures, in percent of 255."""
        return {WHOLE_L1: 100 * (networks["inco2"](batch.image) - batch.image).abs().mean(dim=(1, 2, 3))}

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: image, what the network makes of it."""
        return torch.stack((batch.image, networks["inco2"](batch.image)), dim=1)


class RefinerStep(JudgedStep):
    """Memory written, then one update of the discriminator, then one of the refiner on the same fake (Eq. 15).

    In the phase "reconstruction" there is no discriminator, and nothing is written: what an encoder says that has
    learnt nothing would stay in the slots. In the phase "judged" others stand in for the discriminator
    (`training/judged.py`). The paper knows only the full phase. Coarse network, parser and InCo2 encoder are frozen.
    """

    shipped = ("refiner",)
    columns = ("masked image", "coarse", "its parsing map", "completed", "image")
    phases = (ALL, RECONSTRUCTION, JUDGED)

    def __init__(
        self,
        refiner: Refiner,
        discriminator: Discriminator,
        *,
        coarse: nn.Module,
        parser: FaceParser,
        inco2: nn.Module | None,
        features: FrozenFeatures | None,
        weights: Weights,
        learning_rate: float,
        discriminator_learning_rate: float,
        betas: tuple[float, float],
        muon_length: float = 0.0,
        seen_pixels: int = 0,
        parsed_pixels: int | None = None,
        judged_weights: JudgedWeights = NOT_JUDGED,
        heads: int = 0,
    ) -> None:
        """`parsed_pixels`: the side that the frozen parser is shown pictures at; None = its own.

        `heads`: the width of the heads of the phase "judged"; 0 = there are none.
        """
        judges, adams = feature_judges(features, heads)
        judged = {"features": (True, features), "inco2": (weights.intra or weights.inter, inco2)}
        super().__init__(
            {"refiner": refiner, "discriminator": discriminator, **judges},
            {
                "refiner": optimizer(refiner, learning_rate, betas, muon_length),
                "discriminator": torch.optim.Adam(discriminator.parameters(), discriminator_learning_rate, betas),
                **adams,
            },
            {"coarse": coarse, "parser": parser, **{name: network for name, (used, network) in judged.items() if used}},
        )
        for network in self.frozen.values():
            if network is not None:
                network.eval().requires_grad_(False)
        self.weights = weights
        self.judged_weights = judged_weights
        self.seen_pixels = seen_pixels
        self.parsed_pixels = parsed_pixels

    def turns(self) -> tuple[Turn, ...]:
        judges = (("discriminator", self.discriminator_loss),) if self.phase == ALL else self.judges_turns()
        return *judges, ("refiner", self.refiner_loss)

    def update(self, *shares: Batch) -> Figures:
        """Section 3.2: the memory takes up the batch, then it is read."""
        self._shares = len(shares)
        refiner = self.networks["refiner"]
        if isinstance(refiner, Refiner) and refiner.recalls and self.phase != RECONSTRUCTION:
            remember(refiner, [(share, *self.seen(share)) for share in shares])
        return super().update(*shares)

    def forget(self) -> None:
        """Let go of what was made of a batch outside of an update."""
        self._kept.clear()

    def seen(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The coarse face P [B,3,H,W], which is the picture itself outside the hole, and its parsing map S [B,H,W]."""
        coarse = self.frozen["coarse"]
        assert coarse is not None
        face = self.once("face", batch, lambda: paint(coarse, batch)).detach()
        parsing = self.once("parsing", batch, lambda: self.parse(face).argmax(dim=1))
        return face, parsing

    @torch.no_grad()
    def truth(self, batch: Batch) -> Tensor:
        """Logits of the true picture [B,classes,H,W]."""
        return self.once("truth", batch, lambda: self.parse(batch.image))

    def parse(self, image: Tensor) -> Tensor:
        """[B,3,H,W] in [0,1] -> logits of the frozen parser, which sees them at a side of its own. The same sides."""
        parser = self.frozen["parser"]
        assert isinstance(parser, FaceParser)
        sides, pixels = image.shape[2:], self.parsed_pixels or parser.pixels
        if pixels is not None and pixels != sides[0]:
            image = F.interpolate(image, size=[pixels] * 2, mode="bilinear", align_corners=False)
        return F.interpolate(parser(image), size=sides, mode="bilinear", align_corners=False)

    def raw(self, batch: Batch) -> Tensor:
        """What the refiner paints; both turns need it."""
        face, parsing = self.seen(batch)
        return self.once("raw", batch, lambda: self.networks["refiner"](face, batch.hole, parsing))

    def discriminator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 13, with its sign turned. The fake is the completed picture."""
        fake = complete(self.raw(batch).detach(), batch.image, batch.hole)
        real_logits, fake_logits = self.networks["discriminator"](torch.cat((batch.image, fake))).chunk(2)
        loss = log_loss_discriminator(real_logits, fake_logits)
        return loss, {"discriminator": loss}

    def refiner_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 15, with the discriminator frozen: it is asked again after its own step."""
        losses = self.losses(batch, self.raw(batch))
        return self.with_judges(weighted_sum(losses, self.weights), losses, batch)

    def completed(self, batch: Batch) -> Tensor:
        return complete(self.raw(batch), batch.image, batch.hole)

    def losses(self, batch: Batch, raw: Tensor) -> dict[str, Tensor]:
        """Each term of Eq. 15 before its weight; those whose weight is 0 are left out."""
        image, hole, weights = batch.image, batch.hole, self.weights
        completed = complete(raw, image, hole)
        losses = {"reconstruction": (raw - image).abs().mean(), "variation": total_variation(completed)}
        if weights.semantic:
            losses["semantic"] = semantic_loss(self.parse(completed), self.truth(batch))
        if (encoder := self.frozen.get("inco2")) is not None:
            encode: nn.Module = encoder
            assert isinstance(encode, Reconstruction)
            classes = self.truth(batch).argmax(dim=1)
            both = inco2_losses(encode.encode(completed), encode.encode(image), classes, hole)
            losses |= {name: loss for name, loss in both.items() if getattr(weights, name)}
        if (features := self.frozen["features"]) is not None:
            assert isinstance(features, FrozenFeatures)
            of_image = features(image)
            losses["perceptual"] = perceptual(features(raw), of_image)  # Eq. 11
            if weights.style:
                losses["style"] = style(features(completed), of_image)  # Eq. 12
        if self.phase == ALL:
            with self.asked("discriminator") as (discriminator,):
                losses["adversarial"] = log_loss_generator(discriminator(completed))
        return losses

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image, coarse face, its parsing map, refined and completed, image."""
        coarse = self.frozen["coarse"]
        assert coarse is not None
        face = paint(coarse, batch)
        parsing = self.parse(face).argmax(dim=1)
        raw = networks["refiner"](face, batch.hole, parsing)
        completed = complete(raw, batch.image, batch.hole)
        masked = batch.image * (1 - batch.hole)
        return torch.stack((masked, face, coloured(parsing), completed, batch.image), dim=1)


@torch.no_grad()
def paint(coarse: nn.Module, batch: Batch) -> Tensor:
    """The coarse face P: the coarse network's picture in the hole, the picture itself outside. [B,3,H,W] in [0,1]."""
    return complete(coarse(batch.image, batch.hole).clamp(0, 1), batch.image, batch.hole)


def coloured(parsing: Tensor) -> Tensor:
    """Class ids [B,H,W] -> colours [B,3,H,W] in [0,1]."""
    assert CLASSES in CLASS_SETS
    table = torch.from_numpy(colour_table(CLASSES)).to(parsing.device).float() / 255
    colours: Tensor = table[parsing].permute(0, 3, 1, 2)
    return colours
