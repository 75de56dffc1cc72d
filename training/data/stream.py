"""The endless, seeded row of training items: item i is always the same, so a run resumes where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from training.data import parsing as parsings
from training.data.faces import DataError, Faces
from training.data.holes import Mixture
from training.data.transforms import Jitter, draw_motion, flip, move, move_parsing, recolour


@dataclass(frozen=True)
class Batch:
    """What a step trains on."""

    image: Tensor  # [B,3,H,W] in [0,1], RGB
    hole: Tensor  # [B,1,H,W] in {0,1}, 1 = missing
    landmarks: Tensor  # [B,68,2], (x, y) in pixels of this frame
    parsing: Tensor | None = None  # [B,H,W] int64 class ids, 255 = ignore; None where the part asks for none

    def to(self, device: torch.device) -> Batch:
        tensors = (self.image, self.hole, self.landmarks, self.parsing)
        image, hole, landmarks, parsing = (t if t is None else t.to(device, non_blocking=True) for t in tensors)
        assert image is not None
        assert hole is not None
        assert landmarks is not None
        return Batch(image, hole, landmarks, parsing)


Item = tuple[Tensor, ...]  # image, hole, landmarks and, where asked for, parsing map


class FaceStream(Dataset[Item]):
    """Item i of the row: face (i mod n) of the shuffled epoch (i div n), with its own flip, jitter and hole.

    `parsing_classes` asks for parsing maps, merged to so many classes; DataError where the faces have none.
    """

    def __init__(
        self,
        faces: Faces,
        holes: Mixture,
        *,
        pixels: int,
        seed: int,
        jitter: Jitter | None = None,
        window_pixels: int | None = None,
        parsing_classes: int | None = None,
    ) -> None:
        self.faces = faces
        self.holes = holes
        self.pixels = pixels
        self.seed = seed
        self.jitter = jitter or Jitter()
        self.window_pixels = window_pixels
        self.parsing_classes = parsing_classes
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def face_of(self, position: int) -> int:
        """Which face stands at a position of the row."""
        epoch, place = divmod(position, len(self.faces))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, epoch]).permutation(len(self.faces)))
        return int(self._order[1][place])

    def __getitem__(self, position: int) -> Item:
        rng = np.random.default_rng([self.seed, 1, position])
        index = self.face_of(position)
        picture, landmarks = self.faces.image(index), self.faces.landmarks(index)
        parsing = self.parsing_of(index)
        if rng.random() < 0.5:
            picture, landmarks = flip(picture, landmarks)
            parsing = None if parsing is None else parsings.flip(parsing, self.faces.parsing_classes)
        motion = draw_motion(self.jitter, picture.shape[0], self.pixels, rng)
        picture, landmarks = move(picture, landmarks, motion)
        picture = recolour(picture, self.jitter, rng)
        hole = self.holes.draw(rng, self.pixels, landmarks)
        parsing = None if parsing is None else self.merge(move_parsing(parsing, motion))
        if self.window_pixels is not None:
            rows, columns = draw_window(hole, self.window_pixels, rng)
            picture, hole = picture[rows, columns], hole[rows, columns]
            landmarks = landmarks - np.array([columns.start, rows.start], np.float32)
            parsing = None if parsing is None else parsing[rows, columns]
        item = (
            torch.from_numpy(np.array(picture.transpose(2, 0, 1))),
            torch.from_numpy(hole[None].copy()),
            torch.from_numpy(np.array(landmarks, dtype=np.float32)),
        )
        return item if parsing is None else (*item, torch.from_numpy(parsing.copy()))

    def parsing_of(self, index: int) -> NDArray[np.uint8] | None:
        """The map of a face as it is stored; None when nobody asked. Raises DataError."""
        if self.parsing_classes is None:
            return None
        parsing = self.faces.parsing(index)
        if parsing is None:
            raise DataError(f"face {index} has no parsing map; training.prepare makes folders with parsing/")
        sides = self.faces.image(index).shape[:2]
        if parsing.shape != sides:
            raise DataError(f"face {index}: the parsing map has {parsing.shape}, the picture {sides}")
        return parsing

    def merge(self, parsing: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The faces' classes to those that are asked for. Raises DataError where no table says how."""
        assert self.parsing_classes is not None
        table = parsings.merge_table(self.faces.parsing_classes, self.parsing_classes)
        if table is None:
            raise DataError(
                f"parsing maps of {self.faces.parsing_classes} classes cannot become {self.parsing_classes} classes"
            )
        merged: NDArray[np.uint8] = table[parsing]
        return merged


def draw_window(hole: NDArray[np.uint8], window_pixels: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a square window around a random hole pixel (any pixel if nothing is missing).

    It is moved to lie inside the frame.
    """
    missing = np.argwhere(hole)
    middle = missing[rng.integers(len(missing))] if len(missing) else rng.integers(hole.shape[0], size=2)
    top, left = (int(edge) for edge in np.clip(middle - window_pixels // 2, 0, hole.shape[0] - window_pixels))
    return slice(top, top + window_pixels), slice(left, left + window_pixels)


class StreamSampler(Sampler[int]):
    """Positions from `start` on, without end: every `world`-th, beginning with `rank`."""

    def __init__(self, start: int, rank: int = 0, world: int = 1) -> None:
        self.start, self.rank, self.world = start, rank, world

    def __iter__(self) -> Iterator[int]:
        position = self.start + self.rank
        while True:
            yield position
            position += self.world


def collate(items: list[Item]) -> Batch:
    """Items to a batch; bytes become floats."""
    image, hole, landmarks, *rest = (torch.stack(tensors) for tensors in zip(*items, strict=True))
    return Batch(image.float() / 255, hole.float(), landmarks, rest[0].long() if rest else None)


def batches(
    stream: FaceStream, *, start: int, batch_size: int, workers: int, rank: int = 0, world: int = 1
) -> Iterator[Batch]:
    """Endless batches from position `start`; `batch_size` is this process's share."""
    loader: DataLoader[Item] = DataLoader(
        stream,
        batch_size=batch_size,
        sampler=StreamSampler(start, rank, world),
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # leaves torch's own random state alone
    )
    return iter(loader)
