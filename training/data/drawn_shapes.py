"""Outlines of a drawn face: a seed becomes numbers, numbers become curves, landmarks are points on these curves.

Units: the face frame is 1 x 1, x to the right, y down; a face of the usual alignment has its eyes near y = 0.47.
Outlines are float arrays [N, 2]. The pose (turn, tilt, scale, shift) is applied by `Pose.place` to every outline alike.
"""

from dataclasses import dataclass

import numpy as np

MIDDLE = 0.5  # x of the face's axis
INNER_LIPS_WIDTH = 0.85  # of the outer lips'


@dataclass(frozen=True)
class FaceShape:
    """Everything that is drawn at random about the outlines; lengths in units of the frame."""

    jaw_half_width: float
    jaw_top_y: float
    jaw_height: float
    jaw_squareness: float  # 1 is an ellipse, less is squarer
    forehead_height: float  # above jaw_top_y
    eye_y: float
    eye_distance: float  # from the axis to the middle of an eye
    eye_half_width: float
    eye_opening: float
    brow_lift: float  # above the eye
    brow_thickness: float
    brow_slope: float  # how much lower the inner end is
    nose_tip_y: float
    nose_half_width: float
    mouth_y: float
    mouth_half_width: float
    lip_height: float
    mouth_opening: float
    smile: float  # how much the corners are lifted


@dataclass(frozen=True)
class Pose:
    """From the upright face frame to the picture."""

    turn: float  # shift of the middle of the face towards one side, in units of the frame
    tilt_degrees: float
    scale: float
    shift: tuple[float, float]

    def place(self, outline: np.ndarray) -> np.ndarray:
        """[N,2] -> [N,2]: turned, then tilted and scaled about the middle of the frame, then shifted."""
        points = outline.astype(np.float64).copy()
        across = np.clip((points[:, 0] - MIDDLE) / 0.35, -1, 1)
        points[:, 0] += self.turn * (1 - across**2)
        angle = np.deg2rad(self.tilt_degrees)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        placed: np.ndarray = (points - MIDDLE) @ rotation.T * self.scale + MIDDLE + np.asarray(self.shift)
        return placed


def random_shape(random: np.random.Generator) -> FaceShape:
    """A face of usual proportions; about half of the mouths are open."""
    opening = max(0.0, random.uniform(-0.05, 0.06))
    return FaceShape(
        jaw_half_width=random.uniform(0.27, 0.33),
        jaw_top_y=random.uniform(0.46, 0.49),
        jaw_height=random.uniform(0.42, 0.47),
        jaw_squareness=random.uniform(0.75, 0.95),
        forehead_height=random.uniform(0.28, 0.34),
        eye_y=random.uniform(0.455, 0.48),
        eye_distance=random.uniform(0.118, 0.135),
        eye_half_width=random.uniform(0.046, 0.058),
        eye_opening=random.uniform(0.013, 0.027),
        brow_lift=random.uniform(0.06, 0.085),
        brow_thickness=random.uniform(0.016, 0.034),
        brow_slope=random.uniform(-0.015, 0.015),
        nose_tip_y=random.uniform(0.60, 0.63),
        nose_half_width=random.uniform(0.05, 0.068),
        mouth_y=random.uniform(0.72, 0.75) + opening / 3,
        mouth_half_width=random.uniform(0.09, 0.13),
        lip_height=random.uniform(0.016, 0.032),
        mouth_opening=opening,
        smile=random.uniform(-0.012, 0.028),
    )


def random_pose(random: np.random.Generator) -> Pose:
    return Pose(
        turn=random.uniform(-0.04, 0.04),
        tilt_degrees=random.uniform(-9, 9),
        scale=random.uniform(0.92, 1.06),
        shift=(random.uniform(-0.02, 0.02), random.uniform(-0.02, 0.02)),
    )


def jaw(shape: FaceShape, steps: int = 16) -> np.ndarray:
    """From the left ear over the chin to the right ear, `steps` + 1 points; 16 steps are landmarks 0 to 16."""
    angle = np.linspace(np.pi, 0, steps + 1)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** shape.jaw_squareness * shape.jaw_half_width
    y = np.sin(angle) ** 0.9 * shape.jaw_height
    return np.stack([MIDDLE + x, shape.jaw_top_y + y], axis=1)


def forehead(shape: FaceShape, grow: float = 0.0, steps: int = 48) -> np.ndarray:
    """From the right ear over the top to the left ear; `grow` widens it, for hair."""
    angle = np.linspace(0, np.pi, steps + 1)
    x = np.cos(angle) * (shape.jaw_half_width + grow)
    y = np.sin(angle) ** 0.8 * (shape.forehead_height + grow)
    return np.stack([MIDDLE + x, shape.jaw_top_y - y], axis=1)


def brow(shape: FaceShape, side: int, along: np.ndarray, lower: bool = False) -> np.ndarray:
    """Edge of a brow at `along` in [-1,1], from the picture's left to right. side -1 left, 1 right."""
    y = shape.eye_y - shape.brow_lift - 0.018 * (1 - along**2) - side * along * shape.brow_slope
    if lower:
        y = y + shape.brow_thickness * (0.35 + 0.65 * (1 - along**2))
    x = MIDDLE + side * shape.eye_distance + along * shape.eye_half_width * 1.45
    return np.stack([x, y], axis=1)


def lid(shape: FaceShape, side: int, along: np.ndarray, lower: bool = False) -> np.ndarray:
    """Edge of an eye at `along` in [-1,1], from the picture's left to right. side -1 left, 1 right."""
    bend = (1 - along**2) * shape.eye_opening * (0.8 if lower else -1.2)
    x = MIDDLE + side * shape.eye_distance + along * shape.eye_half_width
    return np.stack([x, shape.eye_y + bend], axis=1)


def lip(shape: FaceShape, along: np.ndarray, *, inner: bool, lower: bool) -> np.ndarray:
    """Edge of a lip at `along` in [-1,1] of its own width, from the picture's left to right."""
    reach = along * (INNER_LIPS_WIDTH if inner else 1.0)
    round_off = 1 - along**2
    bend = shape.mouth_opening / 2 * round_off
    if not inner:
        bow = 1.0 if lower else 0.85 - 0.25 * np.exp(-((along / 0.18) ** 2))
        bend = bend + shape.lip_height * bow * np.sqrt(np.maximum(round_off, 0))
    y = shape.mouth_y - shape.smile * reach**2 + (bend if lower else -bend)
    return np.stack([MIDDLE + reach * shape.mouth_half_width, y], axis=1)


def nose_base(shape: FaceShape, along: np.ndarray) -> np.ndarray:
    """Lower edge of the nose at `along` in [-1,1]."""
    y = shape.nose_tip_y + 0.018 + 0.016 * (1 - along**2)
    return np.stack([MIDDLE + along * shape.nose_half_width * 0.8, y], axis=1)


def nose_bridge(shape: FaceShape, steps: int = 4) -> np.ndarray:
    """From between the eyes to the tip."""
    y = np.linspace(shape.eye_y, shape.nose_tip_y, steps)
    return np.stack([np.full(steps, MIDDLE), y], axis=1)


def landmarks(shape: FaceShape) -> np.ndarray:
    """The 68 points of the upright face in iBUG order. [68,2]."""
    fives = np.linspace(-1, 1, 5)
    upper_lid = np.linspace(-1, 1, 4)
    lower_lid = upper_lid[2:0:-1]
    sevens = np.linspace(-1, 1, 7)
    inner = np.linspace(-1, 1, 5)
    parts = [
        jaw(shape),
        brow(shape, -1, fives),
        brow(shape, 1, fives),
        nose_bridge(shape),
        nose_base(shape, fives),
        lid(shape, -1, upper_lid),
        lid(shape, -1, lower_lid, lower=True),
        lid(shape, 1, upper_lid),
        lid(shape, 1, lower_lid, lower=True),
        lip(shape, sevens, inner=False, lower=False),
        lip(shape, sevens[5:0:-1], inner=False, lower=True),
        lip(shape, inner, inner=True, lower=False),
        lip(shape, inner[3:0:-1], inner=True, lower=True),
    ]
    return np.concatenate(parts)
