"""One room for each paper. The literal table of recipes stands here; rooms never import each other."""

from __future__ import annotations

from collections.abc import Callable

from training.papers.lafin import recipe as lafin
from training.recipe import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "lafin": lafin.lafin,
    "lafin_without_attention": lafin.lafin_without_attention,
    "lafin_without_landmarks": lafin.lafin_without_landmarks,
    "lafin_augmented": lafin.lafin_augmented,
    "lafin_demo": lafin.lafin_demo,
    "lafin_tiny": lafin.lafin_tiny,
}
