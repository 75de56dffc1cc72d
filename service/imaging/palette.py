"""Colours of parsing maps, by class name: neighbours in a face are easy to tell apart."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]  # sRGB

COLOURS: dict[str, Colour] = {
    "background": (0, 0, 0),
    "skin": (236, 188, 150),
    "brows": (120, 70, 20),
    "left_brow": (120, 70, 20),
    "right_brow": (190, 130, 40),
    "eyes": (40, 110, 230),
    "left_eye": (40, 110, 230),
    "right_eye": (90, 200, 250),
    "glasses": (150, 0, 200),
    "ears": (250, 140, 60),
    "left_ear": (250, 140, 60),
    "right_ear": (200, 90, 10),
    "earring": (255, 230, 0),
    "nose": (60, 170, 70),
    "upper_lip": (200, 30, 60),
    "inner_mouth": (255, 255, 255),
    "lower_lip": (255, 80, 120),
    "neck": (170, 130, 110),
    "necklace": (190, 220, 60),
    "clothes": (70, 80, 120),
    "hair": (110, 60, 130),
    "hat": (0, 130, 130),
}
GOLDEN_TURN = 0.618034  # of the colour circle: names that the table does not know lie far apart


def palette(names: Sequence[str]) -> list[Colour]:
    """One colour a class; a name that is not in the table gets one by its place."""
    return [COLOURS.get(name) or _made(index) for index, name in enumerate(names)]


def _made(index: int) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN_TURN % 1, 0.65, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)
