"""The options of a call, and the form fields they become."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.client.pictures import Picture

    Landmarks: TypeAlias = Sequence[Sequence[float]] | Sequence[Sequence[Sequence[float]]] | NDArray[np.floating[Any]]


class MaskOptions(TypedDict, total=False):
    """How a mask is read."""

    mask_mode: Literal["luminance", "alpha"]  # luminance (default): white is missing; alpha: transparent is missing
    mask_invert: bool  #                        swap missing and known
    mask_dilate: int  #                         grow the hole by this many pixels


class FillOptions(MaskOptions, total=False):
    """What `inpaint` and `submit` take beside the picture and its mask. What is left out, the service decides."""

    model: str  #                                      a name of `models()`
    landmarks: (
        Landmarks  #                            68 points [x, y] in pixels of the upright picture; or several faces
    )
    faces: Sequence[Sequence[float] | Mapping[str, Any]]  # boxes [x0, y0, x1, y1], or mappings of `box` and `roll`
    reference: Picture  #                              a picture that guides the filling
    attributes: Mapping[str, float]  #                 name -> -1..1
    samples: int  #                                    how many different results, 1..8
    seed: int  #                                       makes random results repeatable
    align: Literal["auto", "none"]  #                  none: the whole picture is the aligned face
    blend: Literal["feather", "poisson", "none"]  #    how the filling meets its surroundings
    output_format: Literal["png", "jpeg", "webp"]  #   png by default
    quality: int  #                                    1..100, for jpeg and webp
    include: str  #                                    stages of the model to show too, joined by commas


class ParsingOptions(MaskOptions, total=False):
    """What `parsing` takes beside the pictures."""

    align: Literal["auto", "none"]  #  none: the whole picture is the aligned face


class JobOptions(FillOptions, total=False):
    """What `submit` takes."""

    webhook_url: str  #       is told when the job has ended
    delete_on_fetch: bool  #  the service lets go of the result once it has been fetched
    priority: Literal["normal", "high"]  #  high: before the jobs of others, for a key that may


AS_JSON = {"Accept": "application/json"}
FILES = frozenset({"image", "mask", "reference"})


def split(form: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, Any]]]:
    """(text fields as the service reads them, (name, picture) pairs) of a form; what is None is left out.

    A tuple of pictures becomes as many parts of one name.
    """
    given = {name: value for name, value in form.items() if value is not None}
    texts = {name: _text(value) for name, value in given.items() if name not in FILES}
    pictures = [(name, value) for name, value in given.items() if name in FILES]
    return texts, [(name, one) for name, value in pictures for one in (value if isinstance(value, tuple) else (value,))]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):  # an array
        value = value.tolist()
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, allow_nan=False)
