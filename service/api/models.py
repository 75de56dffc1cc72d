"""GET /models and /models/{name}: what can be asked for. GET /limits: how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from service.api.accept import OFFERED
from service.api.dependencies import ServiceDep
from service.api.problems import documented
from service.api.schemas import FrameSize, LimitsBody, ModelBody, ModelsBody, ModelWithCardBody
from service.api.state import ServiceState
from service.completion.attributes import names_of
from service.completion.frame_sizes import larger_frames
from service.completion.inpaint import NAMES_SECONDS
from service.completion.needed import PARSING_MODELS, models_of
from service.completion.parsing import PARSER
from service.completion.pipelines import PIPELINES, pipeline_named
from service.completion.pipelines.protocol import Pipeline
from service.deadline import Deadline
from service.engine.precision import read_precisions
from service.engine.specs import FRAME_PIXELS
from service.errors import EngineError, UnknownModel
from service.imaging.decode import MEDIA_TYPES

router = APIRouter(tags=["catalogue"])


@router.get(
    "/models", operation_id="list_models", summary="The models for POST /inpaint, and the parser behind POST /parsing."
)
async def models(service: ServiceDep) -> ModelsBody:
    described = [await _described(pipeline, service) for pipeline in PIPELINES.values()]
    return ModelsBody(models=[*described, await _described_parser(service)])


@router.get(
    "/models/{name}", operation_id="get_model", summary="One model, with its card.", responses=documented(UnknownModel)
)
async def model(service: ServiceDep, name: str) -> ModelWithCardBody:
    described = await (_described_parser(service) if name == PARSER else _described(pipeline_named(name), service))
    card = _card(name, described.deployed_models, service.settings.model_repository)
    return ModelWithCardBody(**described.model_dump(), card=card)


@router.get("/limits", operation_id="get_limits", summary="The limits of a request.")
async def limits(service: ServiceDep) -> LimitsBody:
    return LimitsBody(
        **service.settings.model_dump(include=set(LimitsBody.model_fields)),
        image_media_types=sorted(set(MEDIA_TYPES.values())),
        output_media_types=list(OFFERED),
    )


async def _described(pipeline: Pipeline, service: ServiceState) -> ModelBody:
    lacking, needed = (await service.readiness.look()).not_ready, models_of(pipeline)
    ready = not lacking & set(needed)
    return ModelBody(
        name=pipeline.name,
        summary=pipeline.summary,
        route="/inpaint",
        guidance=sorted(pipeline.guidance),
        attributes=list(await _attributes(pipeline, service)) if ready else [],
        plural=pipeline.plural,
        frame_pixels=pipeline.frame_pixels,
        frame_sizes=_frame_sizes(pipeline, lacking),
        deployed_models=list(needed),
        precision=read_precisions(service.settings.model_repository, needed),
        ready=ready,
    )


def _frame_sizes(pipeline: Pipeline, lacking: set[str]) -> list[FrameSize]:
    """All sides that the pipeline's networks can be given, the smallest first."""
    own = FrameSize(frame_pixels=pipeline.frame_pixels, ready=not lacking & set(models_of(pipeline)))
    larger = larger_frames(pipeline.name).items()
    return [own, *(FrameSize(frame_pixels=side, ready=own.ready and model not in lacking) for side, model in larger)]


async def _attributes(pipeline: Pipeline, service: ServiceState) -> Sequence[str]:
    """The names that the pipeline knows; none if the engine has gone since it was ready."""
    try:
        return await names_of(pipeline, service.engine, Deadline(NAMES_SECONDS))
    except EngineError:
        return ()


async def _described_parser(service: ServiceState) -> ModelBody:
    ready = not (await service.readiness.look()).not_ready & set(PARSING_MODELS)
    return ModelBody(
        name=PARSER,
        summary="Face parser: one class for each pixel (BiSeNet, Yu et al. 2018).",
        route="/parsing",
        guidance=[],
        attributes=[],
        plural=False,
        frame_pixels=FRAME_PIXELS,
        frame_sizes=[FrameSize(frame_pixels=FRAME_PIXELS, ready=ready)],
        deployed_models=list(PARSING_MODELS),
        precision=read_precisions(service.settings.model_repository, PARSING_MODELS),
        ready=ready,
    )


def _card(name: str, models: Sequence[str], repository: Path) -> str | None:
    """The text of the first card among the models of its own, which begin with its name; others serve several."""
    own = (model for model in models if model == name or model.startswith(f"{name}_"))
    cards = (repository / model / "card.md" for model in own)
    return next((card.read_text(encoding="utf-8") for card in cards if card.is_file()), None)
