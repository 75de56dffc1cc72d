from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.imaging.holes import Region
from service.imaging.tint import tint_of

PHOTO = np.asarray(Image.open(Path(__file__).parents[3] / "service/web/samples/astronaut.jpg").convert("RGB"))
HEIGHT, WIDTH = PHOTO.shape[:2]
NEAR = Region(WIDTH // 4, 0, 3 * WIDTH // 4, HEIGHT // 2)
TINTS = {
    "grey": ((0, 0, 0), (255, 255, 255)),
    "sepia": ((25, 18, 10), (255, 240, 205)),
    "blue": ((5, 10, 30), (210, 225, 255)),
}


def hole() -> np.ndarray:
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[HEIGHT // 8 : HEIGHT // 4, WIDTH // 3 : WIDTH // 2] = 1
    return hole


def toned(name: str, quality: int | None = None) -> np.ndarray:
    low, high = (np.array(colour, np.float64) for colour in TINTS[name])
    grey = np.asarray(Image.fromarray(PHOTO).convert("L"))[..., None] / 255
    picture = np.rint(low + (high - low) * grey).astype(np.uint8)
    if quality is None:
        return picture
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("name", TINTS)
@pytest.mark.parametrize("quality", [None, 90])
def test_colours_painted_into_a_picture_of_one_tint_take_it(name: str, quality: int | None) -> None:
    """The painting is as light as the photograph, but lilac."""
    tint = tint_of(toned(name, quality), hole(), NEAR)
    assert tint is not None
    lilac = np.clip(toned(name) + np.array([20, -10, -1]), 0, 255).astype(np.uint8)
    clear = (toned(name).max(axis=2) < 235) & (toned(name).min(axis=2) > 10)  # nothing was clipped
    off = np.abs(tint.applied(lilac).astype(int) - toned(name))[clear]
    assert np.quantile(off, 0.99) <= 4
    assert off.mean() < 2


@pytest.mark.parametrize("name", TINTS)
def test_the_spread_of_the_channels_is_that_of_the_surroundings(name: str) -> None:
    picture = toned(name)
    tint = tint_of(picture, hole(), NEAR)
    assert tint is not None
    spread = [(one.max(axis=2).astype(int) - one.min(axis=2)).max() for one in (tint.applied(PHOTO), picture)]
    assert spread[0] <= spread[1] + 2


def test_a_photograph_in_colour_has_no_tint() -> None:
    assert tint_of(PHOTO, hole(), NEAR) is None


def test_skin_in_a_photograph_is_no_tint() -> None:
    """A rectangle that shows one colour alone, in a picture that shows others."""
    assert tint_of(PHOTO, hole(), Region(205, 60, 245, 90)) is None


def test_a_grey_face_on_a_coloured_page_is_grey() -> None:
    page = np.full((HEIGHT + 200, WIDTH + 200, 3), (180, 90, 40), np.uint8)
    page[100:-100, 100:-100] = toned("grey")
    missing = np.pad(hole(), 100)
    near = Region(NEAR.x0 + 100, NEAR.y0 + 100, NEAR.x1 + 100, NEAR.y1 + 100)
    tint = tint_of(page, missing, near)
    assert tint is not None
    painted = tint.applied(PHOTO)
    assert (painted.max(axis=2) - painted.min(axis=2)).max() <= 1


def test_what_stands_in_the_hole_plays_no_part() -> None:
    picture = toned("sepia")
    picture[hole() > 0] = (0, 255, 0)
    tints = [tint_of(one, hole(), NEAR) for one in (picture, toned("sepia"))]
    assert tints[0] is not None
    assert tints[1] is not None
    assert np.array_equal(tints[0].colours, tints[1].colours)


def test_with_nothing_known_there_is_no_tint() -> None:
    missing = np.ones((HEIGHT, WIDTH), np.uint8)
    missing[0, 0] = 0
    assert tint_of(PHOTO, missing, NEAR) is None
