"""The training of section 3: two decodes of one encoding, and who learns from which. Eq. 9 is the heart of it.

Labels teach the auxiliary extractor alone; the attribute extractor learns through the frozen auxiliary one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.judged import JUDGED, NOT_JUDGED, JudgedStep, JudgedWeights
from training.losses.wasserstein import wasserstein_generator
from training.masking import complete, mask_image
from training.papers.reference.attributes import Attribute, completed, names, scaled
from training.papers.reference.backbone import LbamStep
from training.papers.reference.extractors import FILL
from training.papers.reference.losses import (
    Weights,
    attribute_loss,
    inpainting_losses,
    weighted_sum,
)
from training.papers.reference.measuring import turned
from training.papers.reference.networks import Generator
from training.papers.reference.rows import LABELS
from training.papers.reference.snapshots import described, obeying, weights_for
from training.step import ALL, RECONSTRUCTION, Figures, State, Turn

AUXILIARY = "auxiliary"
RECON_ALONE = (RECONSTRUCTION, JUDGED)  # phases that show no I_fake


@dataclass(frozen=True)
class Manner:
    """Where our demo differs from the paper; the defaults are the paper's."""

    through_generator: bool = True  # Eq. 9's gradient reaches the attribute extractor through I_fake as well
    whole_fakes: bool = True  # the judges see I_fake as it is; False: completed, so that the hole alone can please them
    redrawn: float = 0.0  # share of pictures of whose attributes I_fake shows some drawn anew
    anew: float = 0.5  # the chance of each attribute of these pictures to be drawn anew
    hidden: float = 0.0  # share of pictures that the attribute extractor sees with their holes
    reach: float = 0.0  # the share of a picture that a hole takes to change redrawn attributes all the way; 0: any does


class Chance:
    """What is drawn for each picture, from the `count` numbers that the batch brings for it."""

    @staticmethod
    def count(attributes: int) -> int:
        return 3 + 2 * attributes

    def __init__(self, batch: Batch, attributes: int) -> None:
        assert batch.chance is not None, "the part must ask for chance"
        self.places = batch.chance[:, 0]  # [B] in [0,1): of the gradient penalty
        self.redraws = batch.chance[:, 1:2]  # [B,1]
        self.hides = batch.chance[:, 2].view(-1, 1, 1, 1)
        self.choices = batch.chance[:, 3 : 3 + attributes]  # [B,A]
        self.drawn = 2 * batch.chance[:, 3 + attributes :] - 1  # [B,A] in [-1,1)


class ReferenceStep(LbamStep, JudgedStep):
    """Auxiliary extractor, discriminator, generator, attribute extractor, in this order, each with its own loss.

    The phase "labels" teaches the auxiliary extractor alone, before the others begin (section 3.1); "reconstruction"
    is I_recon with the inpainting losses alone, which the paper does not have; where the attribute extractor learns
    directly, it begins there, from what the auxiliary one sees in I_recon. In the phase "judged" two judges join it
    (`training/judged.py`).
    """

    shipped = ("generator", "extractor", "auxiliary")
    columns = ("masked image", "completed", *(f"{n}. at {value}" for n in (1, 2, 3) for value in (-1, 1)), "image")
    phases = (ALL, RECONSTRUCTION, LABELS, JUDGED)

    def __init__(
        self,
        networks: Mapping[str, nn.Module],  # generator, extractor, auxiliary, discriminator, and perhaps the judges
        optimizers: Mapping[str, torch.optim.Optimizer],
        features: FrozenFeatures | None,
        *,
        attributes: tuple[Attribute, ...],
        weights: Weights,
        manner: Manner,
        judged_weights: JudgedWeights = NOT_JUDGED,
        painted_pixels: int = 0,
    ) -> None:
        """`painted_pixels`: the side that the generator is served at, if it never learns on whole frames."""
        super().__init__(networks, optimizers, {"features": features})
        self.attributes = attributes
        self.weights = weights
        self.judged_weights = judged_weights
        self.manner = manner
        self.painted_pixels = painted_pixels

    def turns(self) -> tuple[Turn, ...]:
        auxiliary, generator = ("auxiliary", self.auxiliary_loss), ("generator", self.generator_loss)
        extractor = ("extractor", self.extractor_loss)
        if self.phase == LABELS:
            return (auxiliary,)
        if self.phase in RECON_ALONE:
            return *self.judges_turns(), auxiliary, generator, *(() if self.manner.through_generator else (extractor,))
        return auxiliary, ("discriminator", self.discriminator_loss), generator, extractor

    def labels(self, batch: Batch) -> Tensor:
        """A_gt of those that have one, [B,A]; NaN elsewhere."""
        assert batch.attributes is not None, "the part must ask for attributes"
        return scaled(batch.attributes, self.attributes)

    def true(self, batch: Batch) -> Tensor:
        """A_gt [B,A]; where a face has no label, what the auxiliary extractor sees. No gradient."""
        return completed(self.labels(batch), self.estimates(batch))

    @torch.no_grad()
    def estimates(self, batch: Batch) -> Tensor:
        """What the auxiliary extractor sees in I_gt, [B,A]."""
        return self.once("estimates", batch, lambda: self.networks["auxiliary"](batch.image))

    def shown(self, batch: Batch) -> Tensor:
        """The picture that the attribute extractor sees: I_gt, of some pictures with the hole."""
        hides = Chance(batch, len(self.attributes)).hides < self.manner.hidden
        return torch.where(hides, mask_image(batch.image, batch.hole, FILL), batch.image)

    def own(self, batch: Batch) -> Tensor:
        """[B,1], 1 where I_fake shows the attributes that the extractor found."""
        return (Chance(batch, len(self.attributes)).redraws >= self.manner.redrawn).float()

    def extracted(self, batch: Batch) -> Tensor:
        """A_ext [B,A] without gradient; of some pictures attributes are drawn anew, each by chance."""
        with torch.no_grad():
            found = self.once("extracted", batch, lambda: self.networks["extractor"](self.shown(batch)))
        chance = Chance(batch, len(self.attributes))
        redrawn = torch.where(chance.choices < self.manner.anew, chance.drawn, found)
        return torch.where(self.own(batch) > 0, found, redrawn)

    def reached(self, batch: Batch) -> Tensor:
        """What is to be seen in I_fake, [B,A]: A_ext; of redrawn ones, as much as the hole can change.

        Nobody can turn a face into another by its eyes alone: asked to, the generator paints patches of colour.
        """
        wanted = self.extracted(batch)
        if not self.manner.reach:
            return wanted
        share = (batch.hole.mean(dim=(1, 2, 3)) / self.manner.reach).clamp(max=1).unsqueeze(1)
        present = self.estimates(batch)
        return torch.where(self.own(batch) > 0, wanted, present + share * (wanted - present))

    def painted(self, batch: Batch) -> Tensor:
        """I_recon (Eq. 2), and behind it I_fake (Eq. 3) where the phase has one: [1 or 2,B,3,H,W], of one encoding."""
        wanted = [self.true(batch)] if self.phase in RECON_ALONE else [self.true(batch), self.extracted(batch)]

        def paint() -> Tensor:
            maps = self.generator.maps(batch.hole)
            features = self.generator.encode(batch.image, batch.hole, maps)
            return torch.stack([self.generator.decode(features, maps, vector) for vector in wanted])

        return self.once("painted", batch, paint)

    def judged(self, fake: Tensor, batch: Batch) -> Tensor:
        """What discriminator and auxiliary extractor see of I_fake."""
        return fake if self.manner.whole_fakes else complete(fake, batch.image, batch.hole)

    def auxiliary_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 9, second term: MSE(A_gt, AE(I_gt)), of the faces that have labels."""
        loss = attribute_loss(self.networks["auxiliary"](batch.image), self.labels(batch))
        return loss, {AUXILIARY: loss}

    def discriminator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 11 with its sign turned; the fake is I_fake, never I_recon."""
        fake = self.judged(self.painted(batch)[1].detach(), batch)
        return self.critic_loss(batch.image, fake, Chance(batch, len(self.attributes)).places)

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 12: inpainting losses of I_recon; of I_fake Eq. 10 and, for A_ext that stay as they are, Eq. 9.

        `near` holds I_fake back from patches of colour, which please the auxiliary extractor more cheaply than a face.
        """
        painted = self.painted(batch)
        features = self.frozen["features"]
        assert features is None or isinstance(features, FrozenFeatures)
        losses = inpainting_losses(painted[0], batch.image, batch.hole, features, self.weights)
        if self.phase == ALL:
            fake = self.judged(painted[1], batch)
            with self.asked("discriminator", "auxiliary") as (discriminator, auxiliary):
                losses["adversarial"] = wasserstein_generator(discriminator(fake))
                if self.weights.attributes:
                    losses["attributes"] = attribute_loss(auxiliary(fake), self.reached(batch))
            if self.weights.near:
                losses["near"] = ((painted[1] - painted[0].detach()) * batch.hole).square().mean()
        return self.with_judges(weighted_sum(losses, self.weights), losses, batch)

    def completed(self, batch: Batch) -> Tensor:
        """The completed I_recon."""
        return complete(self.painted(batch)[0], batch.image, batch.hole)

    def extractor_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        """Eq. 9, first term: MSE(AE(I_fake), Ext(I_ref)), the auxiliary extractor frozen; no label takes part."""
        found = self.networks["extractor"](self.shown(batch))
        if self.manner.through_generator:
            with self.asked("generator", "auxiliary") as (_, auxiliary):
                seen = auxiliary(self.judged(self.repainted(batch, found), batch))
            loss = attribute_loss(seen, found)
        else:
            with torch.no_grad():
                seen = self.networks["auxiliary"](self.judged(self.painted(batch)[-1], batch))
            counts = self.own(batch) if self.phase == ALL else 1.0
            loss = attribute_loss(counts * found, counts * seen)
        return loss, {"extractor": loss}

    def repainted(self, batch: Batch, attributes: Tensor) -> Tensor:
        """I_fake of these attributes, with a gradient to them alone."""
        with torch.no_grad():
            maps = self.generator.maps(batch.hole)
            features = self.generator.encode(batch.image, batch.hole, maps)
        return self.generator.decode(features, maps, attributes)

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """Also the auxiliary extractor's loss, the same for each face: it is a mean over all labels of the batch."""
        loss = attribute_loss(networks["auxiliary"](batch.image), self.labels(batch))
        return super().judge(networks, batch) | {AUXILIARY: loss.expand(len(batch.image))}

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: masked image, completed with its own attributes, then the first three at -1 and at 1, image."""
        generator = networks["generator"]
        assert isinstance(generator, Generator)
        masked = mask_image(batch.image, batch.hole, FILL)
        own = networks["extractor"](masked)
        maps = generator.maps(batch.hole)
        features = generator.encode(batch.image, batch.hole, maps)
        vectors = [own, *(turned(own, place, value) for place in range(3) for value in (-1.0, 1.0))]
        raws = [generator.decode(features, maps, vector) for vector in vectors]
        shown = [complete(raw, batch.image, batch.hole) for raw in raws]
        return torch.stack((masked, *shown, batch.image), dim=1)

    def freeze(self, networks: Mapping[str, nn.Module]) -> dict[str, State]:
        """With what the weights do not show: names of the attributes, sides that pictures are seen at."""
        known = names(self.attributes)
        return {name: described(s, known, self.pixels(name)) for name, s in super().freeze(networks).items()}

    def thaw(self, name: str, state: State) -> None:
        """A generator that obeys no attribute yet, such as a converted LBAM, begins to learn the recipe's."""
        known = names(self.attributes)
        told = obeying(state, known) if name == "generator" else state
        super().thaw(name, weights_for(told, known, self.pixels(name)))

    def pixels(self, name: str) -> int:
        """The side that a network sees pictures at; 0 = as they come."""
        if name == "generator":
            return self.painted_pixels
        return int(getattr(self.networks[name], "pixels", 0))
