"""One update of the finder's maps, and one of its second look."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.stream import Batch
from training.layers.denormals import sigmoid
from training.masking import mask_image
from training.papers.finder.finding import Peaks
from training.papers.finder.losses import finder_losses
from training.papers.finder.networks import HEAT, Finder
from training.papers.finder.serving import maps_of
from training.papers.finder.trials import trials
from training.papers.finder.verifier import VerifiedFinder
from training.step import Figures, State, Step, Turn

LOSS = "loss"
POINTS_WEIGHT, POINTS_BETA = 2.0, 0.1  # of the second look's points: their loss, and where it becomes linear, in sizes
SHOWN_ABOVE = 0.3  # score of the faces that a sheet draws


class FinderStep(Step):
    """The sum of five losses, one optimiser."""

    shipped = ("finder",)
    columns = ("what is found", "heat map")

    def __init__(self, finder: Finder, optimizer: torch.optim.Optimizer) -> None:
        super().__init__({"finder": finder}, {"finder": optimizer})

    def turns(self) -> tuple[Turn, ...]:
        return (("finder", self.finder_loss),)

    def finder_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        assert batch.labels is not None, "the part must train on scenes"
        losses = finder_losses(self.networks["finder"](batch.image, batch.hole), batch.labels)
        return torch.stack(list(losses.values())).sum(), losses

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """The sum of the losses, the same for each scene: they are means over all faces of the batch."""
        assert batch.labels is not None, "the part must train on scenes"
        losses = finder_losses(networks["finder"](batch.image, batch.hole), batch.labels)
        return {LOSS: torch.stack(list(losses.values())).sum().expand(len(batch.image))}

    def thaw(self, name: str, state: State) -> None:
        """Of a finder with a second look, its maps."""
        super().thaw(name, maps_of(state))

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: the emptied picture with what is found, the heat map."""
        maps = networks["finder"](batch.image, batch.hole)
        seen = mask_image(batch.image, batch.hole, 0.5)
        drawn = torch.stack([draw(one, faces) for one, faces in zip(seen, Peaks()(maps), strict=True)])
        heat = sigmoid(maps[:, HEAT : HEAT + 1]).expand(-1, 3, -1, -1)
        heat = nn.functional.interpolate(heat, size=seen.shape[2:], mode="nearest")
        return torch.stack((drawn, heat), dim=1)


class VerifierStep(Step):
    """What the maps name is looked at again: is it a face, and where are its points. The maps do not learn."""

    shipped = ("verifier",)
    columns = ("what the maps name", "what is found")

    def __init__(self, verified: VerifiedFinder, optimizer: torch.optim.Optimizer) -> None:
        verified.finder.requires_grad_(False)
        super().__init__({"verifier": verified}, {"verifier": optimizer})

    def turns(self) -> tuple[Turn, ...]:
        return (("verifier", self.verifier_loss),)

    def verifier_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        losses = self.losses(self.networks["verifier"], batch)
        figures = {name: loss.mean() for name, loss in losses.items()}
        return torch.stack(list(figures.values())).sum(), figures

    def losses(self, verified: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """`face` and `points` of each scene, [B]: means over its places, and over those that are a face's."""
        assert isinstance(verified, VerifiedFinder)
        assert batch.labels is not None, "the part must train on scenes"
        assert batch.chance is not None, "the part must ask for chance"
        with torch.no_grad():
            likely = verified.likely(batch.image, batch.hole).float()
            taught = trials(likely, batch.labels, batch.chance, batch.image.shape[3])
            levels = verified.pyramid(batch.image, batch.hole)
            windows = torch.cat(
                [
                    verified.windows([level[one : one + 1] for level in levels], taught.places[taught.owner == one])
                    for one in range(len(batch.image))
                ]
            )
        said = verified.verifier(windows.contiguous(memory_format=torch.channels_last))
        face = F.binary_cross_entropy_with_logits(said[:, 0], taught.is_face, reduction="none")
        points = F.smooth_l1_loss(said[:, 1:], taught.shape, beta=POINTS_BETA, reduction="none").mean(dim=1)
        every = torch.ones_like(taught.is_face)
        scenes = len(batch.image)
        return {
            "face": mean_of_each(face, every, taught.owner, scenes),
            "points": POINTS_WEIGHT * mean_of_each(points, taught.is_face, taught.owner, scenes),
        }

    def judge(self, networks: dict[str, nn.Module], batch: Batch) -> Figures:
        """The sum of the losses of each scene."""
        return {LOSS: torch.stack(list(self.losses(networks["verifier"], batch).values())).sum(dim=0)}

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: the emptied picture with what the maps name, and with what is found."""
        verified = networks["verifier"]
        assert isinstance(verified, VerifiedFinder)
        seen = mask_image(batch.image, batch.hole, 0.5)
        maps, found = verified.seen(batch.image, batch.hole), verified(batch.image, batch.hole)
        columns = [torch.stack([draw(*pair) for pair in zip(seen, faces, strict=True)]) for faces in (maps, found)]
        return torch.stack(columns, dim=1)


def mean_of_each(values: Tensor, weights: Tensor, owner: Tensor, scenes: int) -> Tensor:
    """Weighted means of the values of each scene, [n] three times -> [scenes]; 0 where nothing has weight."""
    sums, total = (values.new_zeros(scenes).index_add(0, owner, v) for v in (values * weights, weights))
    return sums / total.clamp(min=1)


def draw(picture: Tensor, faces: Tensor) -> Tensor:
    """The five points of each face and its circle. picture [3,H,W] in [0,1], faces [K,16] -> [3,H,W]."""
    canvas = np.ascontiguousarray((picture.float() * 255).byte().permute(1, 2, 0).cpu().numpy())
    for score, x, y, size, _, _, *points in faces.tolist():
        if score < SHOWN_ABOVE:
            continue
        cv2.circle(canvas, (round(x), round(y)), max(1, round(size / 2)), (0, 255, 0), 1)
        for place in range(0, len(points), 2):
            cv2.circle(canvas, (round(points[place]), round(points[place + 1])), 1, (255, 255, 0), -1)
    return torch.from_numpy(canvas).permute(2, 0, 1).float() / 255
