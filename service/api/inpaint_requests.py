"""From the fields of a form to the request that the use case takes."""

from __future__ import annotations

import json

import numpy as np

from service.api.accept import JSON, OFFERED, negotiate
from service.api.forms import InpaintFields
from service.completion.inpaint import InpaintRequest
from service.errors import BadField, BadLandmarks, NotAcceptable
from service.imaging.arrays import Points


def answer_type(accept: str | None, form: InpaintFields) -> str:
    """The media type of the answer: JSON if `Accept` prefers it, else what `output_format` names, else by `Accept`.

    Several samples fit into JSON only. Raises NotAcceptable.
    """
    if form.samples > 1:
        return negotiate(accept, (JSON,))
    if form.output_format is None:
        return negotiate(accept)
    picture = f"image/{form.output_format}"
    try:
        return JSON if negotiate(accept, (picture, *OFFERED)) == JSON else picture
    except NotAcceptable:
        return picture


def inpaint_request(
    form: InpaintFields, image: bytes, mask: bytes, answer_type: str, max_mask_dilate_pixels: int
) -> InpaintRequest:
    """One pair of pictures with the form's other fields. Raises BadField or BadLandmarks."""
    allowed = max_mask_dilate_pixels
    if form.mask_dilate > allowed:
        errors = [{"field": "mask_dilate", "actual": form.mask_dilate, "allowed": allowed}]
        raise BadField(f"mask_dilate is at most {allowed} pixels.", errors=errors)
    return InpaintRequest(
        image=image,
        mask=mask,
        model=form.model,
        mask_mode=form.mask_mode,
        mask_invert=form.mask_invert,
        mask_dilate_pixels=form.mask_dilate,
        landmarks=None if form.landmarks is None else parse_landmarks(form.landmarks),
        guidance_sent=frozenset(name for name in ("landmarks", "reference", "attributes") if getattr(form, name)),
        samples=form.samples,
        seed=form.seed,
        align=form.align,
        blend=form.blend,
        media_type=f"image/{form.output_format or 'png'}" if answer_type == JSON else answer_type,
        quality=form.quality,
    )


def parse_landmarks(text: str) -> Points:
    """68 finite points [x, y] from JSON, [68,2]; raises BadLandmarks."""
    try:
        points = np.asarray(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _bad_landmarks("not a JSON list of points") from None
    if points.shape != (68, 2):
        raise _bad_landmarks(f"a list of shape {list(points.shape)}")
    if not np.isfinite(points).all():
        raise _bad_landmarks("numbers that are not finite")
    return points


def _bad_landmarks(actual: str) -> BadLandmarks:
    errors = [{"field": "landmarks", "actual": actual, "allowed": "68 points [x, y] in pixels of the image"}]
    return BadLandmarks(f"The landmarks must be a JSON list of 68 points [x, y]; this is {actual}.", errors=errors)
