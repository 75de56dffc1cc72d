"""How well faces are found: by roll, by size, with parts hidden, on photographs, and how often where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.data.faces import Faces
from training.data.holes import make_hole
from training.papers.finder import hiding
from training.papers.finder.covers import Place
from training.papers.finder.finding import NUMBERS
from training.papers.finder.pasting import similarity
from training.papers.finder.photography import photograph
from training.papers.finder.points import POINT_COUNT, centre_of, five_points, size_of
from training.papers.finder.scenes import Composer, Scene
from training.papers.finder.serving import FRAME_PIXELS
from training.papers.finder.sources import Backdrops, Heads, People, Rgb

SEED = 20_000  # far from every training's
FOUND_ABOVE = 0.45  # score from which a face counts as found
SEEN_ABOVE = 0.47  # and one of which nothing is missing: what is all there and scores less is another thing
NEAR, ALIKE = 0.3, 1.5  # found: centre within this share of the size, sizes within this factor
DECOY_SIZES = (0.15, 0.5)  # of a hole like a face's, in shorter sides of the picture
SMALLEST_PEOPLE_PIXELS = 20.0  # of a photograph's faces in the frame; smaller ones are not counted

Hole = NDArray[np.uint8]
# Lays a hole into a frame [640,640]; height and width of the picture in it, in pixels, and its place in the row.
Hide = Callable[[Hole, tuple[float, float], int], None]
Find = Callable[[Rgb, Hole], NDArray[np.float32]]  # frame [640,640,3] and hole -> faces [n,16], all that count


@dataclass(frozen=True)
class Trial:
    """One row of the table: which faces, and what of them is hidden."""

    name: str
    hidden: str | None = None  # a kind of hole
    roll_degrees: tuple[float, float] = (0.0, 180.0)  # to either side
    size_pixels: tuple[float, float] = (40.0, 320.0)


TRIALS = (
    *(Trial(f"roll {low} to {low + 30}", roll_degrees=(low, low + 30)) for low in range(0, 180, 30)),
    *(Trial(f"size {low} to {2 * low}", size_pixels=(low, 2.0 * low)) for low in (24, 40, 80, 160)),
    Trial("a quarter hidden", "quarter"),
    Trial("eyes hidden", "O3"),
    Trial("mouth and nose hidden", "mouth and nose"),
    Trial("inner face hidden", "inner face"),
)
PEOPLE_HIDDEN = (None, "quarter", "O3", "mouth and nose", "inner face")


@dataclass
class Count:
    """Faces that are there, those of them that were found, and finds where there is none."""

    there: int = 0
    found: int = 0
    false: int = 0
    pictures: int = 0

    @property
    def recall(self) -> float:
        return self.found / self.there if self.there else float("nan")

    @property
    def false_of_100_pictures(self) -> float:
        return 100 * self.false / max(1, self.pictures)

    def add(self, faces: NDArray[np.float32], points: NDArray[np.float32], uncertain: NDArray[np.float32]) -> None:
        """faces [n,16] that were found, five points of those there [m,5,2] and of those neither true nor false."""
        free = list(range(len(faces)))
        for one in points:
            match = next((place for place in free if is_face(faces[place], one)), None)
            self.there += 1
            if match is not None:
                self.found += 1
                free.remove(match)
        self.false += sum(not any(is_near(faces[place], one) for one in (*uncertain, *points)) for place in free)
        self.pictures += 1


def is_near(face: NDArray[np.float32], points: NDArray[np.float32]) -> bool:
    """Whether a find lies on a face, whatever its size says."""
    return bool(np.hypot(*(face[1:3] - centre_of(points))) < float(size_of(points)))


def is_face(face: NDArray[np.float32], points: NDArray[np.float32]) -> bool:
    """Whether a find is this face: its centre and its size."""
    size = float(size_of(points))
    away = float(np.hypot(*(face[1:3] - centre_of(points))))
    return away < NEAR * size and size / ALIKE < face[3] < size * ALIKE


def measure_trial(find: Find, composer: Composer, trial: Trial, scenes: int) -> Count:
    """Composed scenes with one face each."""
    count = Count()
    for place in range(scenes):
        rng = np.random.default_rng([SEED, place])
        scene = compose_trial(composer, trial, rng)
        picture = photograph(scene.picture, rng)
        points = np.stack(scene.points)
        count.add(find(picture, scene.hole), points, points[:0])
    return count


def compose_trial(composer: Composer, trial: Trial, rng: np.random.Generator) -> Scene:
    """A face of the trial's roll and size, all of it inside the scene, with the trial's hole."""
    scene = composer.empty(composer.backdrop(rng))
    size = float(np.exp(rng.uniform(*np.log(trial.size_pixels))))
    roll = float(rng.uniform(*trial.roll_degrees)) * float(rng.choice((-1, 1)))
    reach = min(0.75 * size, 0.49 * composer.pixels)
    composer.paste_one(scene, size, roll, rng.uniform(reach, composer.pixels - reach, 2), rng)
    if trial.hidden is not None:
        hiding.hide(scene.hole, scene.places[0], trial.hidden, rng)
    return scene


def measure_people(find: Find, composer: Composer, people: People, hidden: str | None) -> Count:
    """Real photographs, whole, scaled to the frame; `hidden` is the hole over each of their sure faces."""
    count = Count()
    for index in range(len(people)):
        rng = np.random.default_rng([SEED, index])
        picture, hole, scale = framed(people.image(index))
        points, sure = people.points(index)
        points = ((points + 0.5) * scale - 0.5).astype(np.float32)
        sure &= size_of(points) >= SMALLEST_PEOPLE_PIXELS
        for one in points[sure] if hidden else ():
            hiding.hide(hole, composer.borrowed(one, rng), str(hidden), rng)
        count.add(find(picture, hole), points[sure], points[~sure])
    return count


def measure_backdrops(find: Find, backdrops: Backdrops, hide: Hide | None = None) -> Count:
    """Face-free pictures, whole, scaled to the frame, each with the hole that `hide` lays into it."""
    count = Count()
    nobody = np.zeros((0, POINT_COUNT, 2), np.float32)
    for index in range(len(backdrops)):
        original = backdrops.image(index)
        picture, hole, scale = framed(original)
        if hide is not None:
            height, width = original.shape[:2]
            hide(hole, (height * scale, width * scale), index)
        count.add(find(picture, hole), nobody, nobody)
    return count


def hide_somewhere(hole: Hole, size: tuple[float, float], index: int) -> None:
    """A hole of any kind, anywhere."""
    hiding.hide_somewhere(hole, np.random.default_rng([SEED, index]))


def hide_like_a_face(heads: Heads) -> Hide:
    """A hole like one over a whole face: something was taken out of the picture."""

    def hide(hole: Hole, size: tuple[float, float], index: int) -> None:
        rng = np.random.default_rng([SEED, index])
        height, width = size
        pixels = float(np.exp(rng.uniform(*np.log(DECOY_SIZES)))) * min(size)
        rgba, landmarks = heads.at(int(rng.integers(len(heads))), 2 * pixels)
        middle = rng.uniform(0.2, 0.8, 2) * (width, height)
        matrix = similarity(rgba.shape[0], 2 * pixels, float(rng.normal(0, 15)), middle)
        hiding.hide(hole, Place(matrix, rgba.shape[0], landmarks), hiding.WHOLE[index % len(hiding.WHOLE)], rng)

    return hide


def measure_portraits(find: Find, faces: Faces, most: int, filled: float) -> Count:
    """Aligned faces, `most` spread over all, with the middle square erased; they fill a share of the frame's side."""
    count = Count()
    chosen = np.unique(np.linspace(0, len(faces) - 1, min(most, len(faces))).round().astype(int))
    for index in chosen.tolist():
        image, landmarks = faces.image(index), faces.landmarks(index)
        erased = make_hole("center", np.random.default_rng([SEED, index]), image.shape[0], landmarks)
        picture, hole, scale = framed(np.where(erased[..., None] > 0, np.uint8(0), image), filled)
        side = round(image.shape[0] * scale)
        hole[:side, :side] = cv2.resize(erased, (side, side), interpolation=cv2.INTER_NEAREST)
        points = (five_points(landmarks) + 0.5) * scale - 0.5
        count.add(find(picture, hole), points[None].astype(np.float32), np.zeros((0, POINT_COUNT, 2), np.float32))
    return count


def framed(picture: Rgb, filled: float = 1.0) -> tuple[Rgb, Hole, float]:
    """A whole photograph at the frame's upper left corner, its longer side a share of the frame's, the rest missing."""
    scale = filled * FRAME_PIXELS / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    frame = np.zeros((FRAME_PIXELS, FRAME_PIXELS, 3), np.uint8)
    frame[:height, :width] = cv2.resize(picture, (width, height), interpolation=smooth)
    hole = np.ones((FRAME_PIXELS, FRAME_PIXELS), np.uint8)
    hole[:height, :width] = 0
    return frame, hole, scale


def finding(
    finder: nn.Module, found_above: float = FOUND_ABOVE, seen_above: float = SEEN_ABOVE, device: str = "cpu"
) -> Find:
    """A finder as it is served, on one frame at a time, and of its list what the service takes for faces."""

    def find(picture: Rgb, hole: Hole) -> NDArray[np.float32]:
        image = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(device)
        with torch.inference_mode():
            faces = finder(image, torch.from_numpy(hole)[None, None].to(device))[0].cpu().numpy()
        assert faces.shape[1] == NUMBERS
        least = [found_above if in_part(face, hole) else seen_above for face in faces]
        return np.asarray(faces[faces[:, 0] >= least], dtype=np.float32)

    return find


def in_part(face: NDArray[np.float32], hole: Hole) -> bool:
    """Whether any pixel of a find's square [16] is missing, or beyond the frame."""
    (x, y), half = face[1:3], face[3] / 2
    x0, y0, x1, y1 = (int(np.floor(edge)) for edge in (x - half, y - half, x + half + 1, y + half + 1))
    return min(x0, y0) < 0 or max(x1, y1) > len(hole) or bool(hole[y0:y1, x0:x1].any())


def measure(find: Find, composer: Composer, people: People | None, scenes: int) -> Iterator[tuple[str, Count]]:
    """All rows, one after another: a name and its counts."""
    for trial in TRIALS:
        yield trial.name, measure_trial(find, composer, trial, scenes)
    for hidden in PEOPLE_HIDDEN if people is not None else ():
        assert people is not None
        kind = "whole" if hidden is None else f"{hidden} hidden".replace("O3", "eyes")
        yield f"photographs, {kind}", measure_people(find, composer, people, hidden)
    for filled, name in ((1.0, "portraits, middle hidden"), (0.5, "portraits at half the size, middle hidden")):
        yield name, measure_portraits(find, composer.heads.faces, scenes, filled)
    hides = {"": None, ", with holes": hide_somewhere, ", a hole like a face's": hide_like_a_face(composer.heads)}
    for name, hide in hides.items():
        yield f"no face{name}", measure_backdrops(find, composer.backdrops, hide)
