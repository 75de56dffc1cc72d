from __future__ import annotations

import struct

import numpy as np
import pytest

from service.errors import UnsupportedImage
from service.imaging.decode import decode_image
from service.imaging.png_colour import meaning_of
from tests.service.imaging.files import LIMITS, chunk, gradient, png

PICTURE = gradient()
PRIMARIES_P3, PRIMARIES_2020 = 12, 9


def picture(*extra: bytes, pixels: np.ndarray = PICTURE) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return png(width, height, 8, 2, rows, *extra)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def cicp(*points: int) -> bytes:
    return chunk(b"cICP", bytes(points))


def decoded(data: bytes) -> np.ndarray:
    return decode_image(data, LIMITS).rgb


def flat(*colour: int) -> np.ndarray:
    return np.full((16, 16, 3), colour, np.uint8)


@pytest.mark.parametrize(
    "extra",
    [
        (),
        (gamma(0.45455),),
        (cicp(1, 13, 0, 1),),
        (chunk(b"sRGB", b"\0"), gamma(1.0)),
        (gamma(0),),
        (cicp(2, 2, 0, 1),),
        (chunk(b"cICP", b"\1"),),
    ],
)
def test_srgb_and_what_cannot_be_read_stay_as_they_are(extra: tuple[bytes, ...]) -> None:
    assert np.array_equal(decoded(picture(*extra)), PICTURE)


def test_linear_light_is_made_brighter() -> None:
    """A file gamma of 1: half of the light is the number 188 in sRGB."""
    answer = decoded(picture(gamma(1.0), pixels=flat(128, 0, 255)))
    assert np.abs(answer[0, 0].astype(int) - (188, 0, 255)).max() <= 1


def test_a_mac_gamma_is_made_darker() -> None:
    """1.8: the number 128 means (128/255)^1.8 of the light."""
    answer = decoded(picture(gamma(1 / 1.8), pixels=flat(128, 128, 128)))
    assert answer[0, 0, 0] == round(255 * (1.055 * (128 / 255) ** (1.8 / 2.4) - 0.055))


def test_code_points_win_over_gamma() -> None:
    assert np.array_equal(decoded(picture(gamma(1.0), cicp(1, 13, 0, 1))), PICTURE)
    answer = decoded(picture(gamma(0.45455), cicp(1, 8, 0, 1), pixels=flat(128, 0, 255)))
    assert np.abs(answer[0, 0].astype(int) - (188, 0, 255)).max() <= 1


@pytest.mark.parametrize("primaries", [PRIMARIES_P3, PRIMARIES_2020])
def test_wide_colours_become_srgb(primaries: int) -> None:
    """White and greys stay; a colour inside sRGB gets further from grey."""
    assert np.abs(decoded(picture(cicp(primaries, 13, 0, 1), pixels=flat(150, 150, 150))).astype(int) - 150).max() <= 1
    red = decoded(picture(cicp(primaries, 13, 0, 1), pixels=flat(180, 100, 100)))[0, 0].astype(int)
    assert red[0] > 183
    assert red[1] < 98


def test_display_p3_as_a_profile_would_have_it() -> None:
    """P3 (200, 100, 50) is sRGB (215, 93, 31), reckoned by hand with the matrix of CSS Color 4."""
    answer = decoded(picture(cicp(PRIMARIES_P3, 13, 0, 1), pixels=flat(200, 100, 50)))[0, 0].astype(int)
    assert np.abs(answer - (215, 93, 31)).max() <= 1


def test_a_narrow_range_is_stretched() -> None:
    answer = decoded(picture(cicp(1, 13, 0, 0), pixels=flat(16, 126, 235)))[0, 0].astype(int)
    assert np.abs(answer - (0, 128, 255)).max() <= 1


@pytest.mark.parametrize("transfer", [16, 18])
def test_brighter_than_white_is_refused(transfer: int) -> None:
    with pytest.raises(UnsupportedImage, match="high dynamic range; send it in sRGB"):
        decoded(picture(cicp(9, transfer, 0, 1)))


def test_other_files_have_no_meaning() -> None:
    for data in (b"", b"\x89PNG\r\n\x1a\n", picture()[:20], b"\xff\xd8\xff"):
        assert meaning_of(data) is None
