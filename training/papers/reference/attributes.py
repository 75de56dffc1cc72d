"""Which attributes a recipe works with, and how a data set's numbers become -1..1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Attribute:
    """A column of faces.csv: `low` becomes -1, `high` becomes 1, what lies beyond is cut off."""

    name: str
    low: float
    high: float


def yes_or_no(name: str) -> Attribute:
    """An attribute of CelebA: -1 or 1 already."""
    return Attribute(name, -1.0, 1.0)


# Section 4.1.
CELEBA = tuple(
    yes_or_no(name)
    for name in (
        "Bushy_Eyebrows",
        "Mouth_Slightly_Open",
        "Big_Lips",
        "Male",
        "Mustache",
        "Smiling",
        "Wearing_Lipstick",
        "No_Beard",
    )
)
# Ratings of One Million Impressions, 0..100: the range that all but 2 % of the faces at either end lie in.
RATINGS = (
    Attribute("gender", 8.0, 90.0),  # high: male
    Attribute("age", 3.0, 64.0),
    Attribute("happy", 18.0, 86.0),
    Attribute("long-haired", 7.0, 80.0),
    Attribute("skin-color", 6.0, 73.0),  # high: dark
    Attribute("hair-color", 8.0, 93.0),  # high: dark
    Attribute("weight", 25.0, 70.0),
    Attribute("well-groomed", 34.0, 89.0),
)


def names(attributes: tuple[Attribute, ...]) -> tuple[str, ...]:
    """In the order of the vector."""
    return tuple(attribute.name for attribute in attributes)


def scaled(values: Tensor, attributes: tuple[Attribute, ...]) -> Tensor:
    """The data set's numbers [B,A] to [-1,1]; NaN stays NaN."""
    low = values.new_tensor([attribute.low for attribute in attributes])
    high = values.new_tensor([attribute.high for attribute in attributes])
    return ((values - low) / (high - low) * 2 - 1).clamp(-1, 1)


def completed(labels: Tensor, estimates: Tensor) -> Tensor:
    """Labels [B,A], and the estimates where there is none (NaN)."""
    return torch.where(labels.isnan(), estimates, labels)
