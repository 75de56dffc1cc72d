"""Uploaded bytes -> arrays.

Two rules decide every refusal. What does not decode as JPEG, PNG or WEBP, cut or damaged files included, is
UnsupportedImage (415). What decodes but is not allowed is a kind of IllegalInput (422). The error names the form field,
what was found, what is allowed and the setting that says so. It never repeats a byte of the upload.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from struct import error as StructError
from zlib import error as ZlibError

import numpy as np
from PIL import Image

from service.errors import (
    AnimatedImage,
    SideTooLong,
    SideTooShort,
    SizesDiffer,
    TooManyPixels,
    TooManyScans,
    UnsupportedImage,
)
from service.imaging.arrays import Alpha, Hole, Rgb, Size
from service.imaging.colour import to_rgb, to_rgb_in_srgb
from service.imaging.formats import foreign_format
from service.imaging.holes import dilate
from service.imaging.masks import MaskMode, marked, refuse_useless
from service.imaging.png_colour import Meaning, Unshowable, meaning_of
from service.imaging.scans import count_scans

MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
FORMATS = ("JPEG", "PNG", "WEBP")
HIGHEST_IMAGE_PIXELS = 89_478_485  # Pillow's own alarm; a limit above it would never be reached
MAX_SCANS = 50  # of a progressive JPEG; ten are usual, and each costs a walk over the whole picture

ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's parsers have been seen to raise on broken files; UnidentifiedImageError is an OSError.
PARSER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    TypeError,
    StructError,
    ZlibError,
)

# Once, for the whole process: warnings.catch_warnings is not safe in threads, and pictures are decoded in threads.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class ImageLimits:
    max_image_pixels: int  # height * width, at most HIGHEST_IMAGE_PIXELS
    max_side_pixels: int
    min_side_pixels: int

    def __post_init__(self) -> None:
        assert 1 <= self.min_side_pixels <= self.max_side_pixels
        assert 1 <= self.max_image_pixels <= HIGHEST_IMAGE_PIXELS


@dataclass(frozen=True)
class Picture:
    """An upright picture in sRGB. The arrays may be read-only."""

    rgb: Rgb
    alpha: Alpha | None  # None when the file has no transparency
    media_type: str  # of the upload

    @property
    def size(self) -> Size:
        return int(self.rgb.shape[0]), int(self.rgb.shape[1])


def decode_image(data: bytes, limits: ImageLimits, *, field: str = "image") -> Picture:
    """Decode, turn upright, convert to sRGB, keep the alpha channel apart. EXIF and other metadata end here.

    A phone's multi-picture JPEG (depth or gain map beside the photo) is its first picture.

    Raises:
        UnsupportedImage: not an allowed format, empty, cut short or damaged.
        TooManyPixels, SideTooLong, SideTooShort, AnimatedImage, TooManyScans: it decodes, but is not allowed.
    """
    loaded = _loaded(data, limits, field)
    rgb, alpha = to_rgb_in_srgb(_upright(loaded), loaded.info.get("icc_profile"), _png_meaning(loaded, data, field))
    return Picture(np.asarray(rgb), None if alpha is None else np.asarray(alpha), MEDIA_TYPES[str(loaded.format)])


def decode_mask(
    data: bytes,
    limits: ImageLimits,
    *,
    mode: MaskMode = "luminance",
    invert: bool = False,
    dilate_pixels: int = 0,
    size: Size,
) -> Hole:
    """Decode a mask to a hole, [H,W] uint8, 1 = missing.

    mode "luminance": white (128 and above) is the hole; what is transparent counts as black.
    mode "alpha": transparent (alpha below 128) is the hole, as in other image editing interfaces.
    invert swaps the two; then the hole grows by a disc of radius dilate_pixels. size is the upright image's (H, W).

    Raises:
        UnsupportedImage and the limits' errors: as decode_image.
        BadField: mode "alpha", and the mask has no transparency; or "luminance", and it is a picture with some.
        SizesDiffer: the upright mask is not of that size.
        EmptyHole, FullHole: nothing to fill, or nothing to fill it from.
    """
    assert dilate_pixels >= 0
    rgb, alpha = to_rgb(_upright(_loaded(data, limits, "mask")))
    if size != (rgb.height, rgb.width):
        raise _sizes_differ((rgb.height, rgb.width), size)
    hole: Hole = (marked(rgb, alpha, mode) != invert).astype(np.uint8)
    if dilate_pixels:
        hole = dilate(hole, dilate_pixels)
    refuse_useless(hole, rgb, alpha, mode)
    return hole


def _loaded(data: bytes, limits: ImageLimits, field: str) -> Image.Image:
    """The picture with its pixels; whatever the parsers of hostile bytes raise becomes UnsupportedImage."""
    try:
        opened = Image.open(BytesIO(data), formats=FORMATS)
        _check_size(opened, limits, field)
        _check_frames(opened, field)
        _check_scans(opened, data, field)
        opened.load()
        return opened
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_many_pixels(f"over {HIGHEST_IMAGE_PIXELS}", limits, field) from error
    except PARSER_ERRORS as error:
        raise _unsupported(data, field) from error


def _check_size(opened: Image.Image, limits: ImageLimits, field: str) -> None:
    """Before any pixel is decoded: the header is enough."""
    shorter, longer = sorted(opened.size)
    if opened.width * opened.height > limits.max_image_pixels:
        raise _too_many_pixels(opened.width * opened.height, limits, field)
    if longer > limits.max_side_pixels:
        raise SideTooLong(
            f"The {field}'s longer side is {longer} pixels; {limits.max_side_pixels} is the most.",
            errors=[_entry(field, longer, limits.max_side_pixels, "MAX_SIDE_PIXELS")],
        )
    if shorter < limits.min_side_pixels:
        raise SideTooShort(
            f"The {field}'s shorter side is {shorter} pixels; {limits.min_side_pixels} is the least.",
            errors=[_entry(field, shorter, limits.min_side_pixels, "MIN_SIDE_PIXELS")],
        )


def _check_frames(opened: Image.Image, field: str) -> None:
    frames = int(getattr(opened, "n_frames", 1))
    if frames > 1 and opened.format != "MPO":
        raise AnimatedImage(
            f"The {field} has {frames} frames; send one picture.",
            errors=[{"field": field, "actual": frames, "allowed": 1}],
        )


def _check_scans(opened: Image.Image, data: bytes, field: str) -> None:
    if opened.format in ("JPEG", "MPO") and count_scans(data, MAX_SCANS) > MAX_SCANS:
        raise TooManyScans(
            f"The {field} is a JPEG of more than {MAX_SCANS} scans.",
            errors=[{"field": field, "actual": f"over {MAX_SCANS} scans", "allowed": MAX_SCANS}],
        )


def _upright(loaded: Image.Image) -> Image.Image:
    """As the camera's owner sees it. An EXIF block that cannot be read counts as none."""
    try:
        orientation = loaded.getexif().get(ORIENTATION_TAG, 1)
    except PARSER_ERRORS:
        return loaded
    method = UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return loaded if method is None else loaded.transpose(method)


def _png_meaning(loaded: Image.Image, data: bytes, field: str) -> Meaning | None:
    """How a PNG's numbers are meant; None for sRGB, and for every other format."""
    try:
        return meaning_of(data) if loaded.format == "PNG" else None
    except Unshowable as error:
        raise UnsupportedImage(
            f"The {field} is a PNG of {error}; send it in sRGB.",
            errors=[{"field": field, "actual": str(error), "allowed": "sRGB"}],
        ) from error


def _unsupported(data: bytes, field: str) -> UnsupportedImage:
    foreign = foreign_format(data)
    said = f"is a {foreign} file; send" if foreign else "is not a whole, undamaged picture; send"
    allowed = sorted(set(MEDIA_TYPES.values()))
    return UnsupportedImage(
        f"The {field} {said} JPEG, PNG or WEBP.",
        errors=[{"field": field, "actual": foreign or "not decodable", "allowed": allowed}],
    )


def _entry(field: str, actual: int | str, allowed: int, setting: str) -> dict[str, int | str]:
    return {"field": field, "actual": actual, "allowed": allowed, "setting": setting}


def _too_many_pixels(actual: int | str, limits: ImageLimits, field: str) -> TooManyPixels:
    return TooManyPixels(
        f"The {field} has {actual} pixels; {limits.max_image_pixels} is the most.",
        errors=[_entry(field, actual, limits.max_image_pixels, "MAX_IMAGE_PIXELS")],
    )


def _sizes_differ(mask: Size, image: Size) -> SizesDiffer:
    return SizesDiffer(
        f"The mask is {mask[1]} x {mask[0]} pixels, the image {image[1]} x {image[0]} (width x height, upright).",
        errors=[{"field": "mask", "actual": [mask[1], mask[0]], "allowed": [image[1], image[0]]}],
    )
