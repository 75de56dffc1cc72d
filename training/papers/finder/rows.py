"""The endless, seeded row of scenes: what a part of the finder trains on instead of aligned faces."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from training.data.faces import Faces
from training.data.stream import CHANCE, Item
from training.papers.finder.scenes import Composer
from training.papers.finder.sources import SceneFaces
from training.recipe import Part, RecipeError, Stage

SCENE = 7  # what chance is for: sets a scene's apart from that of other rows with the same seed


class SceneRow(Dataset[Item]):
    """Scene i of the row, from (seed, i) alone."""

    def __init__(self, composer: Composer, seed: int, chance: int = 0) -> None:
        """`chance`: so many numbers come with each scene, for the step to draw with."""
        self.composer, self.seed, self.chance = composer, seed, chance

    def __getitem__(self, position: int) -> Item:
        cv2.setNumThreads(1)  # on small pictures threads cost more than they bring
        picture, hole, labels = self.composer.compose(np.random.default_rng([self.seed, SCENE, position]))
        drawn = np.random.default_rng([self.seed, CHANCE, position]).random(self.chance, np.float32)
        chance = {"chance": torch.from_numpy(drawn)} if self.chance else {}
        return chance | {
            "image": torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))),
            "hole": torch.from_numpy(hole[None].copy()),
            "landmarks": torch.zeros(0, 2),  # a scene's faces are told by their labels
            "position": torch.tensor(position),
            "labels": torch.from_numpy(labels),
        }


def scene_row(faces: Faces, part: Part, stage: Stage) -> SceneRow:
    """The row of a stage. RecipeError where the faces come without the pictures that scenes need."""
    if not isinstance(faces, SceneFaces):
        raise RecipeError(f"part {part.name} needs pictures without a face: name their folder with --scenes")
    return SceneRow(Composer(faces.heads, faces.backdrops, faces.people, stage.pixels), part.seed, part.wants.chance)
