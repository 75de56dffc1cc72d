"""Every pixel format Pillow can open -> RGB in sRGB, and alpha apart."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from service.imaging.png_colour import Meaning

SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # an ICC profile's colour space -> the mode it describes
SAME_COLOURS = 2  # grey levels: a profile that moves no colour further than this is sRGB under some other name
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def to_rgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """RGB and alpha (mode L), profiles ignored. 16-bit grey keeps its upper byte; palettes keep their transparency."""
    image, alpha = _without_alpha(image)
    return image.convert("RGB"), alpha


def to_rgb_in_srgb(
    image: Image.Image, icc_profile: bytes | None, meaning: Meaning | None = None
) -> tuple[Image.Image, Image.Image | None]:
    """As to_rgb, and colours of another profile (Display P3, Adobe RGB, a press's CMYK) or meaning become sRGB.

    A profile that is broken or made for another kind of pixel is ignored, as browsers do.
    """
    image, alpha = _without_alpha(image)
    if meaning is not None:
        return meaning.applied(image), alpha
    converted = _converted(image, icc_profile) if icc_profile else None
    return image.convert("RGB") if converted is None else converted, alpha


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A mode without alpha (L, RGB, CMYK, ...) and the alpha channel, if there is transparency of any kind."""
    if image.mode in SIXTEEN_BIT:
        return _sixteen_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return rgba.convert("L" if image.mode in ("LA", "La") else "RGB"), rgba.getchannel("A")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode)), None


def _sixteen_bit(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    values = np.asarray(image).astype(np.uint16)
    key = image.info.get("transparency")
    alpha = None if key is None else Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    return Image.fromarray((values >> 8).astype(np.uint8)), alpha


def _converted(image: Image.Image, icc_profile: bytes) -> Image.Image | None:
    """The picture in sRGB, or None when the profile changes nothing or cannot be used."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        mode = SPACES.get(profile.profile.xcolor_space)
        if mode is None or (mode == "L") != (image.mode == "L") or (mode == "CMYK") != (image.mode == "CMYK"):
            return None
        transform = ImageCms.buildTransform(profile, SRGB, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
        if mode == "RGB" and _is_srgb(transform):
            return None
        return ImageCms.applyTransform(image.convert(mode), transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_srgb(transform: ImageCms.ImageCmsTransform) -> bool:
    """True when a grid of 9 x 9 x 9 colours stays where it is: then the picture's bytes are best left alone."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    moved = ImageCms.applyTransform(Image.fromarray(grid), transform)
    assert moved is not None
    return int(np.abs(np.asarray(moved).astype(np.int16) - grid).max()) <= SAME_COLOURS
