from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.errors import SideTooLong
from service.imaging.decode import decode_image
from service.imaging.encode import encode, encode_indexed, most_bytes
from tests.service.imaging.files import LIMITS, gradient

RGB = gradient(40, 56)
ALPHA = np.tile(np.linspace(0, 255, 56).astype(np.uint8), (40, 1))


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(
    ("media_type", "quality"), [("image/png", None), ("image/png", 10), ("image/webp", None), ("image/webp", 100)]
)
@pytest.mark.parametrize("alpha", [None, ALPHA], ids=["opaque", "alpha"])
def test_lossless_is_byte_for_byte(media_type: str, quality: int | None, alpha: np.ndarray | None) -> None:
    picture = decode_image(encode(RGB, alpha, media_type, quality), LIMITS)
    assert picture.media_type == media_type
    assert np.array_equal(picture.rgb, RGB), "the colours of transparent pixels count too"
    assert (picture.alpha is None) if alpha is None else np.array_equal(picture.alpha, alpha)


def test_jpeg_keeps_colour_at_full_resolution() -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    back = decode_image(encode(stripes, None, "image/jpeg"), LIMITS).rgb
    assert np.abs(back.astype(int) - stripes).max() < 40, "halved colour would mix red and blue"


def test_jpeg_quality_matters() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert len(encode(noise, None, "image/jpeg", 30)) < len(encode(noise, None, "image/jpeg", 95))
    assert encode(noise, None, "image/jpeg", None) == encode(noise, None, "image/jpeg", 95)


def test_webp_quality_is_lossy_below_100() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert len(encode(noise, None, "image/webp", 50)) < len(encode(noise, None, "image/webp", None)) / 2


def test_jpeg_lays_the_picture_on_white() -> None:
    flat = np.full((16, 48, 3), (200, 0, 0), np.uint8)
    alpha = np.repeat(np.array([0, 128, 255], np.uint8), 16)[None].repeat(16, axis=0)
    back = decode_image(encode(flat, alpha, "image/jpeg", 100), LIMITS).rgb.astype(int)
    assert np.abs(back[8, [4, 24, 44]] - [(255, 255, 255), (227, 127, 127), (200, 0, 0)]).max() <= 4


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_no_metadata(media_type: str) -> None:
    image = opened(encode(RGB, None, media_type))
    assert not image.getexif()
    assert "icc_profile" not in image.info


def test_a_side_too_long_for_the_format() -> None:
    with pytest.raises(SideTooLong) as caught:
        encode(np.zeros((1, 16_384, 3), np.uint8), None, "image/webp")
    assert caught.value.errors[0]["allowed"] == 16_383


def test_read_only_arrays_are_welcome() -> None:
    frozen = RGB.copy()
    frozen.flags.writeable = False
    assert decode_image(encode(frozen, None, "image/png"), LIMITS).size == (40, 56)


def test_a_parsing_map_is_an_indexed_png() -> None:
    ids = np.random.default_rng(0).integers(0, 3, (20, 30)).astype(np.uint8)
    image = opened(encode_indexed(ids, [(0, 0, 0), (10, 20, 30), (255, 0, 128)]))
    assert (image.format, image.mode, image.size) == ("PNG", "P", (30, 20))
    assert np.array_equal(np.asarray(image), ids)
    colours = np.asarray(image.convert("RGB"))
    assert (colours[ids == 1] == (10, 20, 30)).all()
    assert (colours[ids == 2] == (255, 0, 128)).all()


@pytest.mark.parametrize("size", [(32, 32), (700, 40), (256, 300)])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_no_encoding_of_noise_takes_more_than_is_reserved_for_it(size: tuple[int, int], has_alpha: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 4), np.uint8)
    alpha = np.ascontiguousarray(noise[..., 3]) if has_alpha else None
    taken = [
        len(encode(np.ascontiguousarray(noise[..., :3]), alpha, media_type, quality))
        for media_type in ("image/png", "image/jpeg", "image/webp")
        for quality in (None, 90, 100)
    ]
    most = most_bytes(size, has_alpha=has_alpha)
    assert max(taken) < most < 2 * max(taken) + 20_000
