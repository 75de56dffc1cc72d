"""Painting of drawn faces: outlines become a picture and its parsing map, in one pass.

A face is a pure function of (seed, size). Parsing classes are Helen's eleven, left and right are the subject's;
neck, ears and clothes are background, as in Helen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from training.data import drawn_shapes as shapes
from training.data.drawn_shapes import FaceShape, Pose

OVERSAMPLING = 2  # the canvas is drawn this much larger, then reduced
SUBPIXEL_BITS = 6
CURVE = np.linspace(-1, 1, 41)

BACKGROUND, SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, NOSE, UPPER_LIP, INNER_MOUTH, LOWER_LIP, HAIR = range(11)
# side in the picture -> classes of the subject's side
BROW_CLASS = {-1: RIGHT_BROW, 1: LEFT_BROW}
EYE_CLASS = {-1: RIGHT_EYE, 1: LEFT_EYE}

SKIN_TONES = ((255, 224, 196), (241, 194, 160), (224, 172, 130), (198, 134, 92), (141, 85, 54), (92, 58, 40))
HAIR_TONES = (
    (30, 24, 22),
    (62, 42, 30),
    (110, 72, 42),
    (176, 130, 72),
    (222, 190, 130),
    (150, 60, 34),
    (150, 150, 150),
)
EYE_TONES = ((70, 45, 25), (60, 90, 50), (60, 100, 150), (100, 110, 115))
CLOTHES_TONES = ((40, 60, 110), (130, 40, 50), (60, 110, 80), (230, 225, 215), (40, 40, 45), (190, 150, 60))

ATTRIBUTES = ("smiling", "mouth-open", "skin-color", "hair-color", "long-haired", "well-groomed")


@dataclass(frozen=True)
class DrawnFace:
    """image [S,S,3] uint8 RGB; landmarks [68,2] float32 (x, y) in pixels; parsing [S,S] uint8; attributes 0..100."""

    image: np.ndarray
    landmarks: np.ndarray
    parsing: np.ndarray
    attributes: dict[str, float]


@dataclass(frozen=True)
class Colours:
    skin: np.ndarray
    hair: np.ndarray
    lips: np.ndarray
    iris: np.ndarray
    clothes: np.ndarray
    background: tuple[np.ndarray, np.ndarray]


class Canvas:
    """Picture and parsing map that are painted together, in units of the face frame."""

    def __init__(self, size: int, pose: Pose) -> None:
        self.side = size * OVERSAMPLING
        self.size = size
        self.pose = pose
        self.image = np.zeros((self.side, self.side, 3), np.uint8)
        self.parsing = np.zeros((self.side, self.side), np.uint8)

    def fill(self, outline: np.ndarray, colour: np.ndarray, parsing: int | None = None) -> None:
        """Fill a closed outline [N,2]; `parsing` None leaves the parsing map as it is."""
        cv2.fillPoly(self.image, [self._fixed(outline)], colour.tolist(), cv2.LINE_AA, SUBPIXEL_BITS)
        if parsing is not None:
            self.mark(outline, parsing)

    def line(self, outline: np.ndarray, colour: np.ndarray, width: float) -> None:
        """Stroke an open outline; `width` in units of the frame."""
        thickness = max(1, round(width * self.side))
        cv2.polylines(self.image, [self._fixed(outline)], False, colour.tolist(), thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def shade(self, centre: np.ndarray, radii: tuple[float, float], amount: float) -> None:
        """Lighten (amount > 0) or darken a soft ellipse about `centre` [2]."""
        x, y = self._pixels(centre[None])[0]
        columns = (np.arange(self.side) - x) / (radii[0] * self.side)
        rows = (np.arange(self.side) - y) / (radii[1] * self.side)
        weight = np.exp(-(rows[:, None] ** 2) - columns[None, :] ** 2)[..., None] * amount
        self.image[:] = np.clip(self.image * (1 + weight), 0, 255).astype(np.uint8)

    @contextmanager
    def only(self, parsing: int) -> Iterator[None]:
        """What is painted meanwhile stays inside the pixels of that class."""
        before = self.image.copy()
        yield
        outside = self.parsing != parsing
        self.image[outside] = before[outside]

    def mark(self, outline: np.ndarray, parsing: int) -> None:
        """Fill a closed outline of the parsing map alone."""
        cv2.fillPoly(self.parsing, [self._fixed(outline)], parsing, cv2.LINE_8, SUBPIXEL_BITS)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Picture and parsing map at the wanted size."""
        image = cv2.resize(self.image, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return image, self.parsing[::OVERSAMPLING, ::OVERSAMPLING].copy()

    def _pixels(self, outline: np.ndarray) -> np.ndarray:
        pixels: np.ndarray = self.pose.place(outline) * self.side - 0.5
        return pixels

    def _fixed(self, outline: np.ndarray) -> np.ndarray:
        fixed: np.ndarray = np.round(self._pixels(outline) * 2**SUBPIXEL_BITS).astype(np.int32)
        return fixed


def draw_face(seed: int | Sequence[int], size: int) -> DrawnFace:
    """One face. The same seed gives the same face at every size, up to resampling."""
    random = np.random.default_rng(seed)
    shape, pose = shapes.random_shape(random), shapes.random_pose(random)
    colours = _random_colours(random)
    canvas = Canvas(size, pose)
    hair_length = random.uniform(0, 1)
    _paint_background(canvas, colours, random)
    _paint_back_hair(canvas, shape, colours, hair_length)
    _paint_body(canvas, shape, colours)
    _paint_skin(canvas, shape, colours, random)
    for side in (-1, 1):
        _paint_eye(canvas, shape, colours, side)
        _paint_brow(canvas, shape, colours, side)
    _paint_nose(canvas, shape, colours)
    _paint_mouth(canvas, shape, colours)
    _paint_fringe(canvas, shape, colours, random)
    image, parsing = canvas.finish()
    grain = random.normal(0, 2.0, image.shape[:2])[..., None]
    image = np.clip(image + grain, 0, 255).astype(np.uint8)
    points = (pose.place(shapes.landmarks(shape)) * size - 0.5).astype(np.float32)
    values = _attributes(shape, colours, hair_length)
    return DrawnFace(image, points, parsing, values)


def _random_colours(random: np.random.Generator) -> Colours:
    def pick(tones: Sequence[tuple[int, int, int]]) -> np.ndarray:
        tone = np.asarray(tones[int(random.integers(len(tones)))], np.float64)
        varied: np.ndarray = np.clip(tone * random.uniform(0.9, 1.05) + random.uniform(-8, 8, 3), 0, 255)
        return varied

    skin = pick(SKIN_TONES)
    lips = skin * (0.85, 0.55, 0.55) + np.array([30.0, 0.0, 10.0]) * random.uniform(0, 1)
    near = random.uniform(40, 230, 3)
    far = np.clip(near + random.uniform(-70, 70, 3), 0, 255)
    return Colours(skin, pick(HAIR_TONES), lips, pick(EYE_TONES), pick(CLOTHES_TONES), (near, far))


def _paint_background(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    near, far = colours.background
    angle = random.uniform(0, 2 * np.pi)
    place = np.linspace(-0.5, 0.5, canvas.side)
    along = 0.5 + place[None, :] * np.cos(angle) + place[:, None] * np.sin(angle)
    canvas.image[:] = np.clip(near + (far - near) * np.clip(along, 0, 1)[..., None], 0, 255).astype(np.uint8)
    for _ in range(random.integers(0, 5)):
        centre = random.uniform(0, 1, 2)
        canvas.shade(centre, (random.uniform(0.05, 0.25), random.uniform(0.05, 0.25)), random.uniform(-0.4, 0.4))


def _paint_back_hair(canvas: Canvas, shape: FaceShape, colours: Colours, length: float) -> None:
    top = shapes.forehead(shape, grow=0.05 + 0.03 * length)
    bottom_y = shape.jaw_top_y + 0.02 + 0.5 * length
    half_width = (top[0, 0] - top[-1, 0]) / 2 + 0.02 * length
    angle = np.linspace(np.pi, 0, 33)
    round_off = np.stack([shapes.MIDDLE + half_width * np.cos(angle), bottom_y + 0.06 * np.sin(angle)], axis=1)
    canvas.fill(np.concatenate([top, round_off]), colours.hair * 0.8, HAIR)


def _paint_body(canvas: Canvas, shape: FaceShape, colours: Colours) -> None:
    chin = shape.jaw_top_y + shape.jaw_height
    shoulders = np.array([[-0.2, 1.5], [-0.1, chin + 0.08], [0.3, chin], [0.7, chin], [1.1, chin + 0.08], [1.2, 1.5]])
    neck = np.array([[0.34, 0.75], [0.33, chin + 0.05], [0.5, chin + 0.12], [0.67, chin + 0.05], [0.66, 0.75]])
    canvas.fill(shoulders, colours.clothes, BACKGROUND)
    canvas.fill(neck, colours.skin * 0.78, BACKGROUND)
    for side in (-1, 1):
        centre = np.array([shapes.MIDDLE + side * shape.jaw_half_width, shape.jaw_top_y + 0.04])
        canvas.fill(_ellipse(centre, 0.035, 0.075), colours.skin * 0.88, BACKGROUND)


def _paint_skin(canvas: Canvas, shape: FaceShape, colours: Colours, random: np.random.Generator) -> None:
    outline = np.concatenate([shapes.jaw(shape, 96), shapes.forehead(shape)])
    canvas.fill(outline, colours.skin, SKIN)
    light = random.uniform(-0.15, 0.15)
    with canvas.only(SKIN):
        canvas.shade(np.array([shapes.MIDDLE + light, 0.5]), (0.3, 0.35), 0.08)
        canvas.shade(np.array([shapes.MIDDLE - 3 * light, 0.6]), (0.2, 0.4), -0.18)


def _paint_eye(canvas: Canvas, shape: FaceShape, colours: Colours, side: int) -> None:
    upper, lower = shapes.lid(shape, side, CURVE), shapes.lid(shape, side, CURVE, lower=True)
    outline = np.concatenate([upper, lower[::-1]])
    canvas.fill(outline, np.array([240.0, 236.0, 232.0]), EYE_CLASS[side])
    centre = np.array([shapes.MIDDLE + side * shape.eye_distance, shape.eye_y - 0.1 * shape.eye_opening])
    with canvas.only(EYE_CLASS[side]):
        canvas.fill(_ellipse(centre, 0.024, 0.024), colours.iris)
        canvas.fill(_ellipse(centre, 0.012, 0.012), np.array([15.0, 12.0, 12.0]))
        canvas.fill(_ellipse(centre + np.array([0.006, -0.007]), 0.004, 0.004), np.array([250.0, 250.0, 250.0]))
    canvas.line(upper, colours.skin * 0.3, 0.006)
    canvas.line(lower, colours.skin * 0.6, 0.003)
    canvas.line(upper - [0, 0.014], colours.skin * 0.75, 0.003)


def _paint_brow(canvas: Canvas, shape: FaceShape, colours: Colours, side: int) -> None:
    upper, lower = shapes.brow(shape, side, CURVE), shapes.brow(shape, side, CURVE, lower=True)
    canvas.fill(np.concatenate([upper, lower[::-1]]), colours.hair * 0.7 + colours.skin * 0.15, BROW_CLASS[side])


def _paint_nose(canvas: Canvas, shape: FaceShape, colours: Colours) -> None:
    base = shapes.nose_base(shape, CURVE)
    wing = shape.nose_half_width
    tip = shape.nose_tip_y
    middle = shapes.MIDDLE
    left = np.array([[middle - 0.018, shape.eye_y], [middle - 0.02, tip - 0.06], [middle - wing, tip]])
    right = left[::-1] * [-1, 1] + [2 * middle, 0]
    outline = np.concatenate([left, base, right])
    canvas.mark(outline, NOSE)
    canvas.shade(np.array([middle, tip - 0.02]), (0.025, 0.09), 0.12)
    canvas.line(np.concatenate([left[2:], base, right[:1]]), colours.skin * 0.68, 0.006)
    canvas.line(right[:3], colours.skin * 0.86, 0.004)
    for side in (-1, 1):
        centre = np.array([middle + side * wing * 0.45, tip + 0.026])
        canvas.fill(_ellipse(centre, 0.012, 0.006), colours.skin * 0.4)


def _paint_mouth(canvas: Canvas, shape: FaceShape, colours: Colours) -> None:
    outer_upper = shapes.lip(shape, CURVE, inner=False, lower=False)
    outer_lower = shapes.lip(shape, CURVE, inner=False, lower=True)
    inner_upper = shapes.lip(shape, CURVE, inner=True, lower=False)
    inner_lower = shapes.lip(shape, CURVE, inner=True, lower=True)
    canvas.fill(np.concatenate([outer_upper, inner_upper[::-1]]), colours.lips * 0.9, UPPER_LIP)
    canvas.fill(np.concatenate([outer_lower, inner_lower[::-1]]), colours.lips, LOWER_LIP)
    if shape.mouth_opening > 0:
        canvas.fill(np.concatenate([inner_upper, inner_lower[::-1]]), np.array([70.0, 20.0, 25.0]), INNER_MOUTH)
        teeth = 0.45 * inner_lower + 0.55 * inner_upper
        canvas.fill(np.concatenate([inner_upper, teeth[::-1]])[4:-4], np.array([238.0, 234.0, 224.0]))
    canvas.line(inner_upper, colours.lips * 0.5, 0.003)


def _paint_fringe(canvas: Canvas, shape: FaceShape, colours: Colours, random: np.random.Generator) -> None:
    top = shapes.forehead(shape, grow=0.05)
    parting = random.uniform(0.35, 0.65)
    depth = random.uniform(0.3, 0.62)  # how far the hair comes down the forehead
    across = np.linspace(top[-1, 0], top[0, 0], 33)
    away = np.abs((across - top[-1, 0]) / (top[0, 0] - top[-1, 0]) - parting) / 0.65
    line_y = shape.jaw_top_y - (shape.forehead_height + 0.05) * (1 - depth * (0.35 + 0.65 * away))
    limit = shape.eye_y - shape.brow_lift - 0.045  # the brows stay visible
    inside = np.abs(across - shapes.MIDDLE) < shape.eye_distance + shape.eye_half_width * 1.6
    line_y = np.where(inside, np.minimum(line_y, limit), line_y)
    sine = np.sqrt(np.maximum(0, 1 - ((across - shapes.MIDDLE) / (top[0, 0] - shapes.MIDDLE)) ** 2))
    line_y = np.maximum(line_y, shape.jaw_top_y - sine**0.8 * (shape.forehead_height + 0.05))  # not above the crown
    canvas.fill(np.concatenate([top, np.stack([across, line_y], axis=1)]), colours.hair, HAIR)
    for position in range(2, 31):
        bottom = np.array([across[position], line_y[position]])
        crown = np.array([shapes.MIDDLE + (parting - 0.5) * 0.4, shape.jaw_top_y - shape.forehead_height - 0.03])
        strand = bottom + (crown - bottom) * np.linspace(0.05, 0.9, 8)[:, None]
        canvas.line(strand, colours.hair * random.uniform(0.75, 1.25), 0.002)


def _ellipse(centre: np.ndarray, radius_x: float, radius_y: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 33)[:-1]
    return centre + np.stack([radius_x * np.cos(angle), radius_y * np.sin(angle)], axis=1)


def _attributes(shape: FaceShape, colours: Colours, hair_length: float) -> dict[str, float]:
    values = (
        (shape.smile + 0.012) / 0.04,
        shape.mouth_opening / 0.06,
        1 - colours.skin.mean() / 255,
        1 - colours.hair.mean() / 255,
        hair_length,
        1 - hair_length / 2,
    )
    return {name: 100 * float(np.clip(value, 0, 1)) for name, value in zip(ATTRIBUTES, values, strict=True)}
