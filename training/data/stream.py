"""The endless, seeded row of training items: item i is always the same, so a run resumes where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from training.data.faces import Faces
from training.data.holes import Mixture
from training.data.transforms import Jitter, flip, move, recolour


@dataclass(frozen=True)
class Batch:
    """What a step trains on."""

    image: Tensor  # [B,3,H,W] in [0,1], RGB
    hole: Tensor  # [B,1,H,W] in {0,1}, 1 = missing
    landmarks: Tensor  # [B,68,2], (x, y) in pixels of this frame

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in (self.image, self.hole, self.landmarks)))


Item = tuple[Tensor, Tensor, Tensor]


class FaceStream(Dataset[Item]):
    """Item i of the row: face (i mod n) of the shuffled epoch (i div n), with its own flip, jitter and hole."""

    def __init__(
        self,
        faces: Faces,
        holes: Mixture,
        *,
        pixels: int,
        seed: int,
        jitter: Jitter | None = None,
        window_pixels: int | None = None,
    ) -> None:
        self.faces = faces
        self.holes = holes
        self.pixels = pixels
        self.seed = seed
        self.jitter = jitter or Jitter()
        self.window_pixels = window_pixels
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
        if rng.random() < 0.5:
            picture, landmarks = flip(picture, landmarks)
        picture, landmarks = move(picture, landmarks, self.jitter, self.pixels, rng)
        picture = recolour(picture, self.jitter, rng)
        hole = self.holes.draw(rng, self.pixels, landmarks)
        if self.window_pixels is not None:
            picture, hole, landmarks = cut_window(picture, hole, landmarks, self.window_pixels, rng)
        return (
            torch.from_numpy(np.array(picture.transpose(2, 0, 1))),
            torch.from_numpy(hole[None].copy()),
            torch.from_numpy(np.array(landmarks, dtype=np.float32)),
        )


def cut_window(
    picture: NDArray[np.uint8],
    hole: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    window_pixels: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """A square window around a random hole pixel (any pixel if nothing is missing), moved to lie inside the frame."""
    missing = np.argwhere(hole)
    middle = missing[rng.integers(len(missing))] if len(missing) else rng.integers(hole.shape[0], size=2)
    top, left = np.clip(middle - window_pixels // 2, 0, hole.shape[0] - window_pixels)
    rows, columns = slice(top, top + window_pixels), slice(left, left + window_pixels)
    return picture[rows, columns], hole[rows, columns], landmarks - np.array([left, top], np.float32)


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
    image, hole, landmarks = (torch.stack(tensors) for tensors in zip(*items, strict=True))
    return Batch(image.float() / 255, hole.float(), landmarks)


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
