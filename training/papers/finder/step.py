"""One update of the finder."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from training.data.stream import Batch
from training.layers.denormals import sigmoid
from training.masking import mask_image
from training.papers.finder.finding import Peaks
from training.papers.finder.losses import finder_losses
from training.papers.finder.networks import HEAT, Finder
from training.step import Figures, Step, Turn

LOSS = "loss"
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

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns: the emptied picture with what is found, the heat map."""
        maps = networks["finder"](batch.image, batch.hole)
        seen = mask_image(batch.image, batch.hole, 0.5)
        drawn = torch.stack([draw(one, faces) for one, faces in zip(seen, Peaks()(maps), strict=True)])
        heat = sigmoid(maps[:, HEAT : HEAT + 1]).expand(-1, 3, -1, -1)
        heat = nn.functional.interpolate(heat, size=seen.shape[2:], mode="nearest")
        return torch.stack((drawn, heat), dim=1)


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
