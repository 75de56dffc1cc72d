"""The last stage of the demos, which no paper has: two judges look at completed pictures through frozen features.

One sees both eyes, cut out level and enlarged, one the whole picture; most holes of the stage lie over eyes or a face.
`training/layers/feature_judge.py` says why such judges need few pictures.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from training.data.eyes import eye_crops
from training.data.holes import Mixture
from training.data.stream import Batch
from training.frozen.features import FrozenFeatures
from training.layers.feature_judge import FeatureJudge
from training.losses.adversarial import hinge_discriminator, hinge_generator
from training.losses.distances import mean_distance, style_distance
from training.recipe import Stage
from training.step import Figures, Step, Turn

JUDGED = "judged"  # the phase
EYES_JUDGE, FACE_JUDGE = "eyes_judge", "face_judge"
JUDGES = (EYES_JUDGE, FACE_JUDGE)
HEADS, LEARNING_RATE, BETAS = 48, 6e-3, (0.0, 0.9)

# Those that the service gets most, and in which small networks are worst.
JUDGED_HOLES = Mixture(
    (
        (0.42, "eyes"), (0.08, "O4"), (0.08, "O5"), (0.22, "face"),
        (0.05, "20-40"), (0.05, "40-60"), (0.05, "O6"), (0.05, "center"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class JudgedWeights:
    """Of the terms that the phase adds to a generator's own, for its completed picture."""

    eyes: float = 0.0  # distance of both eyes, enlarged, as the features see them
    eyes_style: float = 0.0  # that of their Gram matrices
    judged_eyes: float = 0.0  # how real they look to a judge of their own
    judged_face: float = 0.0  # how real the whole picture looks to another


NOT_JUDGED = JudgedWeights()


def judged_stage(until_images: int, pixels: int, *, holes: Mixture = JUDGED_HOLES, decay_to: float = 0.1) -> Stage:
    """The stage of a demo recipe."""
    return Stage(
        until_images=until_images,
        pixels=pixels,
        batch_size=16,
        holes=holes,
        phase=JUDGED,
        learning_rate_factor=0.5,
        decay_to=decay_to,
    )


class JudgedStep(Step):
    """A step with the phase "judged". Without features to look through, or without judges, it adds what is left.

    The judges stand among the step's networks as `feature_judges` makes them, and the features among the frozen ones.
    """

    judged_weights = NOT_JUDGED

    @abstractmethod
    def completed(self, batch: Batch) -> Tensor:
        """The completed picture with its graph, [B,3,H,W] in [0,1]."""

    def judges_turns(self) -> tuple[Turn, ...]:
        """Those of the judges that are there, in the phase "judged"."""
        there = [name for name in JUDGES if name in self.networks and self.phase == JUDGED]
        return tuple((name, partial(self.judge_loss, name)) for name in there)

    def looked_at(self, judge: str, picture: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What a judge sees of a picture."""
        features = self.frozen["features"]
        assert isinstance(features, FrozenFeatures)
        return features(eye_crops(picture, batch.landmarks) if judge == EYES_JUDGE else picture)

    def judge_loss(self, name: str, batch: Batch) -> tuple[Tensor, Figures]:
        """A judge learns to tell completed pictures from true ones."""
        completed = self.completed(batch)
        with torch.no_grad():
            real, fake = (self.looked_at(name, picture, batch) for picture in (batch.image, completed))
        scores = self.networks[name]({layer: torch.cat((real[layer], fake[layer])) for layer in real})
        loss = hinge_discriminator(*scores.chunk(2))
        return loss, {name: loss}

    def judged_losses(self, completed: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Each term before its weight: of the eyes as the features see them, and of what both judges say."""
        fake = {name: self.looked_at(name, completed, batch) for name in JUDGES}
        with torch.no_grad():
            real = self.looked_at(EYES_JUDGE, batch.image, batch)
        losses = {
            "eyes": mean_distance(fake[EYES_JUDGE], real),
            "eyes_style": style_distance(fake[EYES_JUDGE], real),
        }
        if EYES_JUDGE in self.networks:
            with self.asked(*JUDGES) as (eyes, face):
                losses["judged_eyes"] = hinge_generator(eyes(fake[EYES_JUDGE]))
                losses["judged_face"] = hinge_generator(face(fake[FACE_JUDGE]))
        return losses

    def with_judges(self, loss: Tensor, losses: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Figures]:
        """A generator's loss and its terms, in the phase "judged" with those that it adds."""
        if self.phase != JUDGED or self.frozen["features"] is None:
            return loss, losses
        more = self.judged_losses(self.completed(batch), batch)
        weighed = [getattr(self.judged_weights, name) * term for name, term in more.items()]
        return loss + torch.stack(weighed).sum(), losses | more


def feature_judges(
    features: FrozenFeatures | None, width: int = HEADS, learning_rate: float = LEARNING_RATE
) -> tuple[dict[str, nn.Module], dict[str, torch.optim.Optimizer]]:
    """Both judges and their optimisers, by name; none without features, or with a width of 0."""
    if features is None or not width:
        return {}, {}
    judges = {name: FeatureJudge(features, width) for name in JUDGES}
    adams = {name: torch.optim.Adam(judge.parameters(), learning_rate, BETAS) for name, judge in judges.items()}
    return dict(judges), dict(adams)
