"""The form field `include`: what an answer shows of the stages of a pipeline, beside the completed picture."""

from __future__ import annotations

from collections.abc import Sequence

from service.completion.messages import InpaintRequest
from service.completion.parsing import class_names
from service.completion.pipelines.protocol import Completion
from service.deadline import Deadline
from service.engine import Engine
from service.errors import BadField, EngineGarbage
from service.imaging.encode import encode, encode_indexed, most_bytes
from service.imaging.palette import Colour, palette
from service.threads import ImagingThreads

# Pipeline -> the stages that it can show; the others have none.
STAGES: dict[str, tuple[str, ...]] = {"showface": ("coarse", "parsing")}
MEDIA_TYPE = "image/png"


def refuse_stages(request: InpaintRequest) -> None:
    """Raises BadField for a stage that the pipeline does not have."""
    offered = STAGES.get(request.model, ())
    for name in request.include:
        if name not in offered:
            refused = {"field": "include", "model": request.model, "allowed": list(offered)}
            raise BadField(f"The model {request.model!r} has no such stage to include.", errors=[refused])


def most_included_bytes(request: InpaintRequest, frame_pixels: int, most_faces: int) -> int:
    """More than the stages that a request includes can take, whatever faces are found."""
    guidance = request.guidance
    faces = 1 if request.align == "none" else len(guidance.landmarks) + (len(guidance.faces) or most_faces)
    return len(request.include) * faces * most_bytes((frame_pixels, frame_pixels), has_alpha=False)


async def included(
    request: InpaintRequest,
    completions: Sequence[Completion],
    engine: Engine,
    threads: ImagingThreads,
    deadline: Deadline,
) -> list[dict[str, bytes]]:
    """Of each face what was asked for, as PNG of its frame; a parsing map has a palette, its pixels are class ids."""
    if not request.include:
        return []
    names = await class_names(engine, deadline) if "parsing" in request.include else []
    return [await threads.run(_stages, one, request.include, palette(names)) for one in completions]


def _stages(completion: Completion, include: Sequence[str], colours: Sequence[Colour]) -> dict[str, bytes]:
    shown: dict[str, bytes] = {}
    if "coarse" in include:
        assert completion.coarse is not None, "the pipeline has this stage"
        shown["coarse"] = encode(completion.coarse, None, MEDIA_TYPE)
    if "parsing" in include:
        assert completion.parsing is not None, "the pipeline has this stage"
        if completion.parsing.max() >= len(colours):
            raise EngineGarbage(f"The parser answered class {completion.parsing.max()}; it names {len(colours)}.")
        shown["parsing"] = encode_indexed(completion.parsing, colours)
    return shown
