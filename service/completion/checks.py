"""What a pipeline would have to ignore, or a request may not ask for, is refused by name."""

from __future__ import annotations

from service.completion.messages import InpaintRequest
from service.completion.pipelines.protocol import Pipeline
from service.errors import BadField, GuidanceNotAccepted, TooManyPixels
from service.imaging.arrays import Size


def refuse_guidance(request: InpaintRequest, pipeline: Pipeline) -> None:
    """Raises GuidanceNotAccepted for a field that the pipeline would have to ignore, BadField for a useless number."""
    guidance = request.guidance
    for name in guidance.given:
        if name not in pipeline.guidance:
            refused = {"field": name, "model": pipeline.name, "allowed": sorted(pipeline.guidance)}
            raise GuidanceNotAccepted(f"The model {pipeline.name!r} does not take {name!r}.", errors=[refused])
    if request.align == "none" and (guidance.faces or len(guidance.landmarks) > 1):
        useless = {"field": "align", "actual": "none", "allowed": ["auto"]}
        raise BadField("With align=none the picture is one face: no faces, landmarks of one.", errors=[useless])
    if request.samples > 1 and not pipeline.plural:
        too_many = {"field": "samples", "model": pipeline.name, "actual": request.samples, "allowed": 1}
        raise BadField(f"The model {pipeline.name!r} gives one result: samples must be 1.", errors=[too_many])


def require_room(request: InpaintRequest, size: Size, max_samples_pixels: int) -> None:
    """Raises TooManyPixels when the samples of a request are too large together."""
    pixels = request.samples * size[0] * size[1]
    if request.samples > 1 and pixels > max_samples_pixels:
        refused = {
            "field": "samples",
            "actual": pixels,
            "allowed": max_samples_pixels,
            "setting": "MAX_SAMPLES_PIXELS",
        }
        raise TooManyPixels(f"{request.samples} samples of this picture have too many pixels.", errors=[refused])
