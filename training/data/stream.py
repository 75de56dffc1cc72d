"""The endless, seeded row of training items: item i is always the same, so a run resumes where it stopped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from training.data import parsing as parsings
from training.data.cores import opencv_on_one_core
from training.data.faces import DataError, Faces
from training.data.holes import Mixture
from training.data.landmarks import COUNT, to_68
from training.data.shares import Share, shares
from training.data.transforms import Jitter, draw_motion, flip, move, move_parsing, recolour, resize

# What chance is for: a generator of (seed, purpose, position) draws the same on every machine, in every process.
ITEM, NOISE, REFERENCE, CHANCE, OTHER_HOLE = 1, 2, 3, 4, 5

Item = dict[str, Tensor]  # fields of `Batch`, of one face


@dataclass(frozen=True)
class Batch:
    """What a step trains on. A field that the part did not ask for is None."""

    image: Tensor  # [B,3,H,W] in [0,1], RGB
    hole: Tensor  # [B,1,H,W] in {0,1}, 1 = missing
    landmarks: Tensor  # [B,68,2], or as many as the part wants; (x, y) in pixels of this frame, or outside of it
    position: Tensor  # [B] int64, places in the row: with the part's seed all that chance may depend on
    parsing: Tensor | None = None  # [B,H,W] int64 class ids, 255 = ignore
    attributes: Tensor | None = None  # [B,A] float32, in the order of the names that were asked for; perhaps NaN
    reference: Tensor | None = None  # [B,3,P,P] in [0,1]: another face, the whole frame
    noise: Tensor | None = None  # [B,3,H,W], uniform in [-1,1]
    chance: Tensor | None = None  # [B,N] float32, uniform in [0,1): what a step may draw for each picture
    other_hole: Tensor | None = None  # [B,1,H,W] in {0,1}: a second hole of each picture
    labels: Tensor | None = None  # [B,M,11] float32, of faces in a scene: five points (x, y) in pixels, and a kind
    weight: float = 1.0  # what the mean over these items counts in the mean over the whole batch of all processes

    def to(self, device: torch.device, memory_format: torch.memory_format = torch.preserve_format) -> Batch:
        """On a device; pictures in a layout."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                layout = memory_format if value.ndim == 4 else torch.preserve_format
                moved[field.name] = value.to(device, non_blocking=True, memory_format=layout)
        return replace(self, **moved)


# How items' stacked values become those of a batch; a field that is not named stays as it is.
COLLATED: dict[str, Callable[[Tensor], Tensor]] = {
    "image": lambda values: values.float() / 255,
    "reference": lambda values: values.float() / 255,
    "hole": lambda values: values.float(),
    "other_hole": lambda values: values.float(),
    "parsing": lambda values: values.long(),
}


@dataclass(frozen=True)
class Wants:
    """What a part's batches bring besides image, hole and landmarks."""

    parsing_classes: int | None = None  # parsing maps, merged to so many classes
    attributes: tuple[str, ...] = ()  # columns of faces.csv
    partial_attributes: bool = False  # NaN for what a face has no number of, instead of an error
    reference: bool = False  # a picture of another face
    noise: bool = False  # uniform noise of the picture's shape
    chance: int = 0  # numbers for the step to draw with
    landmarks: int = COUNT  # 68, or 98 of faces that have so many
    other_holes: Mixture | None = None  # what a second hole is drawn from


class FaceStream(Dataset[Item]):
    """Item i of the row: face (i mod n) of the shuffled epoch (i div n), with its own flip, jitter and hole.

    `wants` names what comes besides; DataError where the faces do not have it.
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
        wants: Wants = Wants(),
    ) -> None:
        self.faces = faces
        self.holes = holes
        self.pixels = pixels
        self.seed = seed
        self.jitter = jitter or Jitter()
        self.window_pixels = window_pixels
        self.wants = wants
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def face_of(self, position: int) -> int:
        """Which face stands at a position of the row."""
        epoch, place = divmod(position, len(self.faces))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, epoch]).permutation(len(self.faces)))
        return int(self._order[1][place])

    def __getitem__(self, position: int) -> Item:
        rng = self.dice(ITEM, position)
        index = self.face_of(position)
        picture, landmarks = self.faces.image(index), self.landmarks_of(index)
        parsing = self.parsing_of(index, picture.shape[:2])
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
        item = {
            "image": torch.from_numpy(np.array(picture.transpose(2, 0, 1))),
            "hole": torch.from_numpy(hole[None].copy()),
            "landmarks": torch.from_numpy(np.array(landmarks, dtype=np.float32)),
            "position": torch.tensor(position),
        }
        if parsing is not None:
            item["parsing"] = torch.from_numpy(parsing.copy())
        if self.wants.other_holes is not None:
            other = self.wants.other_holes.draw(self.dice(OTHER_HOLE, position), picture.shape[0], landmarks)
            item["other_hole"] = torch.from_numpy(other[None].copy())
        return item | self.wanted(index, position, picture.shape[0])

    def wanted(self, index: int, position: int, side: int) -> Item:
        """What the part asked for that needs no moving with the face."""
        item = {}
        if self.wants.attributes:
            read = self.faces.known_attributes if self.wants.partial_attributes else self.faces.attributes
            item["attributes"] = torch.from_numpy(read(index, self.wants.attributes))
        if self.wants.reference:
            item["reference"] = torch.from_numpy(self.reference(index, position))
        if self.wants.noise:
            noise = self.dice(NOISE, position).random((3, side, side), dtype=np.float32)
            item["noise"] = torch.from_numpy(2 * noise - 1)
        if self.wants.chance:
            numbers = self.dice(CHANCE, position).random(self.wants.chance, dtype=np.float32)
            item["chance"] = torch.from_numpy(numbers)
        return item

    def dice(self, purpose: int, position: int) -> np.random.Generator:
        """Chance of one purpose at one place of the row."""
        return np.random.default_rng([self.seed, purpose, position])

    def reference(self, index: int, position: int) -> NDArray[np.uint8]:
        """[3,P,P] of a face that is not face `index`, drawn by position. Raises DataError where there is none."""
        if len(self.faces) < 2:
            raise DataError("a reference is another face, and there is only one")
        other = int(self.dice(REFERENCE, position).integers(len(self.faces) - 1))
        other += other >= index
        picture, _ = resize(self.faces.image(other), self.faces.landmarks(other), self.pixels)
        return np.ascontiguousarray(picture.transpose(2, 0, 1))

    def landmarks_of(self, index: int) -> NDArray[np.float32]:
        """As many as were asked for: [68,2] or [98,2]. Raises DataError for a face that has fewer."""
        points = self.faces.landmarks(index)
        if len(points) < self.wants.landmarks:
            raise DataError(f"the recipe needs faces with {self.wants.landmarks} landmarks; these have {len(points)}")
        return to_68(points) if self.wants.landmarks == COUNT else points

    def parsing_of(self, index: int, sides: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """The map of a face as it is stored; its picture has these sides. None when nobody asked. Raises DataError."""
        if self.wants.parsing_classes is None:
            return None
        parsing = self.faces.parsing(index)
        if parsing is None:
            raise DataError(f"face {index} has no parsing map; training.prepare makes folders with parsing/")
        if parsing.shape != sides:
            raise DataError(f"face {index}: the parsing map has {parsing.shape}, the picture {sides}")
        return parsing

    def merge(self, parsing: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The faces' classes to those that are asked for. Raises DataError where no table says how."""
        asked = self.wants.parsing_classes
        assert asked is not None
        table = parsings.merge_table(self.faces.parsing_classes, asked)
        if table is None:
            raise DataError(f"parsing maps of {self.faces.parsing_classes} classes cannot become {asked} classes")
        merged: NDArray[np.uint8] = table[parsing]
        return merged


def draw_window(hole: NDArray[np.uint8], window_pixels: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a square window around a random hole pixel, moved to lie inside the frame.

    If nothing is missing, every window of the frame is equally likely.
    """
    missing = np.argwhere(hole)
    last = hole.shape[0] - window_pixels
    if len(missing):
        corner = np.clip(missing[rng.integers(len(missing))] - window_pixels // 2, 0, last)
    else:
        corner = rng.integers(last + 1, size=2)
    top, left = (int(edge) for edge in corner)
    return slice(top, top + window_pixels), slice(left, left + window_pixels)


class ShareSampler(Sampler[list[int]]):
    """Without end, the positions of one process's shares of the batches from position `start` on."""

    def __init__(self, start: int, batch_size: int, parts: tuple[Share, ...]) -> None:
        self.start, self.batch_size, self.parts = start, batch_size, parts

    def __iter__(self) -> Iterator[list[int]]:
        for first in itertools.count(self.start, self.batch_size):
            for share in self.parts:
                yield [first + place for place in share.places]


def collate(items: list[Item]) -> Batch:
    """Items to a batch, field by field; bytes become floats."""
    stacked = {name: torch.stack([item[name] for item in items]) for name in items[0]}
    known: dict[str, Any] = {
        name: COLLATED[name](values) if name in COLLATED else values for name, values in stacked.items()
    }
    return Batch(**known)


def batches(
    stream: Dataset[Item],
    *,
    start: int,
    batch_size: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
    accumulate: int = 1,
) -> Iterator[Batch]:
    """Endless shares of this process from position `start` on: `accumulate` of them belong to one batch.

    `batch_size` is that of all processes together; `training.data.shares` says who gets what.
    """
    parts = shares(batch_size, rank=rank, world=world, accumulate=accumulate)
    loader: DataLoader[Item] = DataLoader(
        stream,
        batch_sampler=ShareSampler(start, batch_size, parts),
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # leaves torch's own random state alone
    )
    with opencv_on_one_core() if workers else nullcontext():
        loading = iter(loader)
    for batch, share in zip(loading, itertools.cycle(parts), strict=False):
        yield replace(batch, weight=share.weight)
