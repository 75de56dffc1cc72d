from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.errors import UnsupportedImage
from service.imaging.decode import decode_image, decode_mask
from service.imaging.formats import foreign_format
from tests.service.imaging.files import LIMITS, gradient, saved

PICTURE = Image.fromarray(gradient())
FILES = {
    "GIF": saved(PICTURE.convert("P"), "GIF"),
    "TIFF": saved(PICTURE, "TIFF"),
    "BMP": saved(PICTURE, "BMP"),
    "PDF": saved(PICTURE, "PDF"),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(40),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "SVG": b'\xef\xbb\xbf\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "HTML": b"<!DOCTYPE html><html></html>",
    "ZIP": b"PK\x03\x04" + bytes(40),
}


@pytest.mark.parametrize("name", FILES)
def test_a_refusal_names_what_was_sent(name: str) -> None:
    assert foreign_format(FILES[name]) == name
    with pytest.raises(UnsupportedImage, match=f"image is a {name} file; send JPEG, PNG or WEBP") as refused:
        decode_image(FILES[name], LIMITS)
    assert refused.value.errors[0]["actual"] == name
    with pytest.raises(UnsupportedImage, match=f"mask is a {name} file"):
        decode_mask(FILES[name], LIMITS, size=(24, 32))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_picture_of_an_allowed_format_is_called_damaged(name: str) -> None:
    data = saved(PICTURE, name)
    assert foreign_format(data) is None
    with pytest.raises(UnsupportedImage, match="undamaged"):
        decode_image(data[: len(data) // 2], LIMITS)


def test_other_bytes_have_no_name() -> None:
    for data in (b"", b"\0", b"ftyp", np.random.default_rng(0).bytes(300), b"\0\0\0\x18ftypzzzz"):
        assert foreign_format(data) is None
