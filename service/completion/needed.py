"""Which deployed models a route needs: those of its pipeline, and those that find and align faces for all."""

from __future__ import annotations

from service.completion.alignment import PREDICTOR
from service.completion.finding import FINDER
from service.completion.frame_sizes import larger_frames
from service.completion.parsing import PARSER
from service.completion.pipelines import DEFAULT_PIPELINE, PIPELINES
from service.completion.pipelines.protocol import Pipeline

ALIGNING_MODELS = (FINDER, PREDICTOR)
PARSING_MODELS = (PARSER, *ALIGNING_MODELS)


def models_of(pipeline: Pipeline) -> tuple[str, ...]:
    """What POST /inpaint calls for every face, the pipeline's own models first."""
    return tuple(dict.fromkeys((*pipeline.models, *ALIGNING_MODELS)))


def required_models() -> tuple[str, ...]:
    """Without these the service is not ready: what POST /inpaint calls unless told otherwise, and POST /parsing."""
    return tuple(dict.fromkeys((*models_of(PIPELINES[DEFAULT_PIPELINE]), *PARSING_MODELS)))


def all_models() -> tuple[str, ...]:
    """What the service calls at all."""
    needed = [model for pipeline in PIPELINES.values() for model in models_of(pipeline)]
    larger = [model for name in PIPELINES for model in larger_frames(name).values()]
    return tuple(dict.fromkeys((*needed, *PARSING_MODELS, *larger)))
