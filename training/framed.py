"""Faces in a system's frame, batch by batch, and what the system is given of them under each kind of holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from training.data.drawings import Drawings
from training.data.faces import Faces
from training.data.holes import seeded_hole
from training.data.landmarks import to_68
from training.data.transforms import resize
from training.given import Given


@dataclass(frozen=True)
class FramedBatch:
    """Some faces as they are: the truth that answers are measured by."""

    image: Tensor  # [B,3,F,F] uint8, whole
    landmarks: Tensor  # [B,68,2] float32, pixels of the frame; [B,98,2] where the faces have as many
    reference: Tensor  # [B,3,F,F] uint8, the next face of the row
    places: range  # in the row: holes and noise depend on the seed and a face's place alone
    sketches: Drawings | None = None  # people's, for holes of that kind

    def under(self, kind: str, seed: int, sample: int = 0) -> Given:
        """What a system may see under holes of this kind; another sample has the same holes and other noise."""
        points = self.landmarks.cpu().numpy()
        holes = [
            seeded_hole(kind, seed, place, self.image.shape[-1], points[index], self.sketches)
            for index, place in enumerate(self.places)
        ]
        return Given(
            image=self.image,
            hole=torch.from_numpy(np.stack(holes))[:, None].to(self.image.device),
            landmarks=to_68(self.landmarks),
            noise_seeds=tuple((seed, sample, place) for place in self.places),
            reference=self.reference,
        )


@dataclass(frozen=True)
class FramedFaces:
    """A row of faces, resized to the frame when they are asked for: memory does not grow with their number."""

    faces: Faces
    frame_pixels: int
    indices: Sequence[int]  # of `faces`, in the order of the row
    sketches: Drawings | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def first(self, count: int) -> FramedFaces:
        """The beginning of the row, under the same holes."""
        return replace(self, indices=self.indices[:count])

    def batches(self, batch_size: int, device: str = "cpu") -> Iterator[FramedBatch]:
        """The row from its start; the last batch may be smaller."""
        for start in range(0, len(self), batch_size):
            places = range(start, min(start + batch_size, len(self)))
            pairs = [self.pair(place) for place in (*places, places.stop)]
            images = torch.stack([image for image, _ in pairs]).to(device)
            points = torch.from_numpy(np.stack([points for _, points in pairs])).to(device)
            yield FramedBatch(images[:-1], points[:-1], images[1:], places, self.sketches)

    def pair(self, place: int) -> tuple[Tensor, np.ndarray]:
        """Picture [3,F,F] uint8 and landmarks [N,2] at a place; behind the last face stands the first again."""
        index = self.indices[place % len(self)]
        picture, points = resize(self.faces.image(index), self.faces.landmarks(index), self.frame_pixels)
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))), points


def frame_faces(
    faces: Faces, frame_pixels: int, count: int | None = None, sketches: Drawings | None = None
) -> FramedFaces:
    """The first `count` faces (None: all) in a frame of this side."""
    indices = range(len(faces) if count is None else min(count, len(faces)))
    return FramedFaces(faces, frame_pixels, indices, sketches)
