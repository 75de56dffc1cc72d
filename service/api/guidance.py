"""The fields of a form that guide the filling, read as one value."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from service.api.dependencies import RequestContext
from service.api.forms import InpaintFields
from service.completion.guidance import FaceGiven, Guidance
from service.errors import BadField, BadLandmarks
from service.imaging.arrays import Points

SHORTEST_BOX_PIXELS = 4.0


async def guidance_of(context: RequestContext, form: InpaintFields) -> Guidance:
    """All that guides the filling. Raises BadLandmarks or BadField."""
    reference = None if form.reference is None else await form.reference.read()
    return read_guidance(form, reference, context.service.settings.max_faces)


def read_guidance(form: InpaintFields, reference: bytes | None, max_faces: int) -> Guidance:
    """The form's landmarks, faces and attributes with the `reference` file. Raises BadLandmarks or BadField."""
    guidance = Guidance(
        landmarks=() if form.landmarks is None else parse_landmarks(form.landmarks),
        faces=() if form.faces is None else parse_faces(form.faces),
        reference=reference,
        attributes=None if form.attributes is None else parse_attributes(form.attributes),
    )
    for name, count in (("landmarks", len(guidance.landmarks)), ("faces", len(guidance.faces))):
        if count > max_faces:
            errors = [{"field": name, "actual": count, "allowed": max_faces, "setting": "MAX_FACES"}]
            raise BadField(f"{name} describes {count} faces; a picture may have {max_faces}.", errors=errors)
    return guidance


def parse_landmarks(text: str) -> tuple[Points, ...]:
    """Of one face 68 points [x, y], or a list of such faces: [68,2] each. Raises BadLandmarks."""
    try:
        points = np.asarray(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _bad_landmarks("not a JSON list of points") from None
    if points.shape[-2:] != (68, 2) or points.ndim > 3 or points.size == 0:
        raise _bad_landmarks(f"a list of shape {list(points.shape)}")
    if not np.isfinite(points).all():
        raise _bad_landmarks("numbers that are not finite")
    return tuple(points.reshape(-1, 68, 2))


def parse_faces(text: str) -> tuple[FaceGiven, ...]:
    """Boxes [x0, y0, x1, y1], or objects with `box` and perhaps `roll`, as POST /landmarks answers. Raises BadField."""
    faces = _json(text, "faces")
    if not isinstance(faces, list) or not faces:
        raise _bad("faces", "a JSON list of boxes")
    return tuple(_face(face) for face in faces)


def parse_attributes(text: str) -> dict[str, float]:
    """{name: -1..1} from JSON. Raises BadField."""
    attributes = _json(text, "attributes")
    if not isinstance(attributes, dict) or not all(_is_number(value, 1.0) for value in attributes.values()):
        raise _bad("attributes", "a JSON object: attribute name -> number from -1 to 1")
    return {name: float(value) for name, value in attributes.items()}


def _face(face: Any) -> FaceGiven:
    box, roll = (face.get("box"), face.get("roll") or 0.0) if isinstance(face, dict) else (face, 0.0)
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value, 1e6) for value in [*box, roll]):
        raise _bad("faces", "boxes [x0, y0, x1, y1] in pixels of the upright image, roll in degrees")
    x0, y0, x1, y1 = map(float, box)
    if min(x1 - x0, y1 - y0) < SHORTEST_BOX_PIXELS:
        raise _bad("faces", f"boxes with x0 < x1 and y0 < y1, {SHORTEST_BOX_PIXELS:g} pixels at least")
    return FaceGiven((x0, y0, x1, y1), float(roll))


def _is_number(value: Any, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= most


def _json(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(field, "JSON") from None


def _bad(field: str, allowed: str) -> BadField:
    return BadField(f"{field} must be {allowed}.", errors=[{"field": field, "allowed": allowed}])


def _bad_landmarks(actual: str) -> BadLandmarks:
    allowed = "68 points [x, y] in pixels of the image, or a list of such faces"
    errors = [{"field": "landmarks", "actual": actual, "allowed": allowed}]
    return BadLandmarks(f"The landmarks must be a JSON list of 68 points [x, y]; this is {actual}.", errors=errors)
