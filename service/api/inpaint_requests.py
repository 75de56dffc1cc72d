"""From the fields of a form to the request that the use case takes."""

from __future__ import annotations

from service.api.accept import JSON, OFFERED, negotiate
from service.api.forms import InpaintFields
from service.completion.guidance import Guidance
from service.completion.messages import InpaintRequest
from service.errors import BadField, NotAcceptable
from service.settings import Settings


def answer_type(accept: str | None, form: InpaintFields, *, zipped: bool = False) -> str:
    """The media type of the answer: JSON if `Accept` prefers it, else what `output_format` names, else by `Accept`.

    Several samples, and stages of the model, fit into JSON only, unless all of it is zipped. Raises NotAcceptable.
    """
    if not zipped and (form.samples > 1 or form.stages):
        return negotiate(accept, (JSON,))
    if form.output_format is None:
        return negotiate(accept)
    picture = f"image/{form.output_format}"
    try:
        return JSON if negotiate(accept, (picture, *OFFERED)) == JSON else picture
    except NotAcceptable:
        return picture


def inpaint_request(
    form: InpaintFields, image: bytes, mask: bytes, guidance: Guidance, answer_type: str, settings: Settings
) -> InpaintRequest:
    """One pair of pictures with the form's other fields. Raises BadField."""
    allowed = settings.max_mask_dilate_pixels
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
        guidance=guidance,
        samples=form.samples,
        seed=form.seed,
        align=form.align,
        blend=form.blend,
        include=form.stages,
        media_type=f"image/{form.output_format or 'png'}" if answer_type == JSON else answer_type,
        quality=form.quality,
    )
