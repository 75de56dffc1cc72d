"""Who fills which part of a hole: faces what lies on them, the background's filling the rest, with soft borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.completion.plan import squares
from service.imaging.arrays import Hole, Points, Rgb, Size, Weights, size_of
from service.imaging.geometry import FrameTransform
from service.imaging.grain import Grain, grain_of
from service.imaging.holes import Region, bounds
from service.imaging.regions import face_weights, features
from service.imaging.tint import Tint, tint_of

FULL, HALF = 255, 128  # weights: from half on a pixel counts as the face's
REST = 1 / 3  # of a hole: less background than that is a rest beside faces, in which their skin and hair may go on
SURROUNDINGS = 0.25  # of a share's extent: so far around it the grain is measured
LEAST_SURROUNDINGS_PIXELS = 16

Box: TypeAlias = tuple[float, float, float, float]  # x0, y0, x1, y1 canvas pixels
Sums: TypeAlias = NDArray[np.uint16]


@dataclass(frozen=True)
class Target:
    """A face's frame."""

    transform: FrameTransform
    box: Box
    landmarks: Points | None = None  # [68,2] canvas pixels to obey; None: the pipeline predicts its own
    seen: Points | None = None  # [68,2] canvas pixels that the frame was made from
    fills_frame: bool = False  # all of the frame is face: the caller says so

    def weights(self, region: Region) -> Weights:
        """[h,w] of a canvas rectangle: how much each pixel is the face's."""
        landmarks, pixels = self.landmarks_in_frame(), self.transform.frame_pixels
        if self.fills_frame or landmarks is None:
            return self.transform.paste_weights(np.ones((pixels, pixels), np.float32), region)
        return self.transform.paste_weights(face_weights(landmarks, pixels), region)

    def features(self, region: Region) -> Hole:
        """[h,w] {0,1} of a canvas rectangle: eyes, nose, mouth and what lies between."""
        landmarks, pixels = self.landmarks_in_frame(), self.transform.frame_pixels
        if landmarks is None:
            return self.transform.paste_ids(np.ones((pixels, pixels), np.uint8), region)
        return self.transform.paste_ids(features(landmarks, pixels), region)

    def landmarks_in_frame(self) -> Points | None:
        """[68,2] frame pixels: those to obey, else those that were seen."""
        landmarks = self.seen if self.landmarks is None else self.landmarks
        return None if landmarks is None else self.transform.to_frame(landmarks)


@dataclass(frozen=True)
class Share:
    """What a face fills of the hole, and what it has to fit."""

    target: Target
    region: Region  # the canvas rectangle that holds it
    opacity: Weights  # of the rectangle: how much the painting covers what lies beneath; 0 outside the hole
    tint: Tint | None  # of the picture, if it has but one
    grain: Grain | None  # of the surroundings; None: the frame is not enlarged, so that its own is as fine


@dataclass(frozen=True)
class Division:
    """A hole divided among faces and background; where they meet, a pixel belongs to both."""

    shares: list[Share]
    background: Hole  # [H,W]: what the background's filling is seen of
    barred: Hole  # [H,W]: of what no background may be made
    background_parts: list[Region]  # rectangles that hold all of the background
    background_regions: list[Region]  # those of them in which it is not merely a face's soft border


def divide(rgb: Rgb, hole: Hole, targets: Sequence[Target], max_parts: int) -> Division:
    """Every hole pixel to the faces by their weights, and what is left of it to the background.

    A face that has nowhere half of a pixel gets none. Where no pixel is more than half the background's there is no
    background: then all of the hole lies well within the faces' frames.
    """
    area = bounds(hole)
    nothing = np.zeros_like(hole)
    if area is None:
        return Division([], nothing, nothing, [], [])
    weighed = [(target, *found) for target in targets if (found := _weights(target, hole, area)) is not None]
    total = np.zeros((area.height, area.width), np.uint16)
    for _, region, weights in weighed:
        total[region.within(area).slices] += weights
    missing = hole[area.slices] > 0
    beyond = missing & (total < HALF)
    left = FULL - np.minimum(total, FULL) if beyond.any() else np.zeros_like(total)
    background, mostly = nothing.copy(), nothing.copy()
    background[area.slices] = missing & (left > 0)
    mostly[area.slices] = beyond
    parts = squares(background, max_parts)
    return Division(
        shares=_shares(rgb, hole, area, weighed, left),
        background=background,
        barred=_barred(targets, size_of(hole), beyond.sum() > REST * missing.sum()) if parts else nothing,
        background_parts=parts,
        background_regions=[part for part in parts if mostly[part.slices].any()],
    )


def _weights(target: Target, hole: Hole, area: Region) -> tuple[Region, Weights] | None:
    """The tight rectangle of a face's weights on the hole, and the weights; None when it has nowhere half a pixel."""
    region = target.transform.region(size_of(hole), area)
    if region is None:
        return None
    weights = target.weights(region) * hole[region.slices]
    tight = bounds(weights)
    if tight is None or weights.max() < HALF:
        return None
    on_canvas = Region(region.x0 + tight.x0, region.y0 + tight.y0, region.x0 + tight.x1, region.y0 + tight.y1)
    return on_canvas, weights[tight.slices]


def _shares(
    rgb: Rgb, hole: Hole, area: Region, weighed: Sequence[tuple[Target, Region, Weights]], left: Sums
) -> list[Share]:
    """Opacities that, laid one over the other on the background, mix all by their weights."""
    shares, under = [], left.copy()
    for target, region, weights in weighed:
        beneath = under[region.within(area).slices]
        beneath += weights
        opacity = np.rint(weights * np.float32(FULL) / np.maximum(beneath, 1)).astype(np.uint8)
        near = target.transform.region(size_of(hole))
        assert near is not None, "it has a share"
        enlarged = target.transform.scale < 1
        grain = _grain_around(rgb, hole, region) if enlarged else None
        shares.append(Share(target, region, opacity, tint_of(rgb, hole, near), grain))
    return shares


def _grain_around(rgb: Rgb, hole: Hole, region: Region) -> Grain:
    margin_pixels = max(LEAST_SURROUNDINGS_PIXELS, round(SURROUNDINGS * max(region.width, region.height)))
    near = region.grown(margin_pixels, size_of(hole)).slices
    return grain_of(rgb[near], 1 - hole[near])


def _barred(targets: Sequence[Target], size: Size, wholly: bool) -> Hole:
    """[H,W]: the faces that were found, wholly or the features alone: skin may go on beside a face, an eye may not."""
    barred = np.zeros(size, np.uint8)
    for target in targets:
        region = target.transform.region(size)
        if region is not None:
            barred[region.slices] |= target.weights(region) > 0 if wholly else target.features(region) > 0
    return barred
