"""Which side the frame of a face has, where a pipeline's paper has networks for several: by the face's own size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.completion.pipelines.protocol import Pipeline
from service.completion.shares import Target
from service.engine import Engine

LARGER: dict[str, dict[int, str]] = {"dsa": {1024: "dsa_generator_1024"}}  # pipeline -> side -> the model that it needs
MOST_ENLARGED = 2.0  # a frame of 256 px serves a square of 512 px in the photograph, and no larger one


def larger_frames(pipeline: str) -> dict[int, str]:
    """Sides beyond the pipeline's `frame_pixels`, ascending, each with the model that it needs besides."""
    return LARGER.get(pipeline, {})


async def fitted(targets: Sequence[Target], pipeline: Pipeline, engine: Engine) -> list[Target]:
    """The targets, those of large faces in a larger frame, as far as the engine has its model."""
    fit = list(targets)
    for side, model in larger_frames(pipeline.name).items():
        large = [place for place, target in enumerate(fit) if outgrows(target)]
        if large and await engine.ready(model):
            for place in large:
                fit[place] = replace(fit[place], transform=fit[place].transform.resized(side))
    return fit


def outgrows(target: Target) -> bool:
    """Whether a face's square in the photograph is too large for its frame."""
    return target.transform.scale < 1 / MOST_ENLARGED
