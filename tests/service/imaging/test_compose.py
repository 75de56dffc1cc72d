from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.imaging.compose import Blend, compose
from service.imaging.decode import decode_image
from service.imaging.encode import encode
from tests.golden import GOLDEN
from tests.service.imaging.files import LIMITS

POISSON = ("raw", "image", "hole", "completed")

BLENDS: tuple[Blend, ...] = ("none", "feather", "poisson")


def smooth(height: int = 96, width: int = 120, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def holes(height: int = 96, width: int = 120) -> dict[str, np.ndarray]:
    planes = {
        name: np.zeros((height, width), np.uint8)
        for name in ("disc", "border", "several", "frame", "dot", "all but one")
    }
    cv2.circle(planes["disc"], (60, 48), 25, 1, -1)
    planes["border"][:50, :70] = 1
    planes["several"][5:20, 5:20] = planes["several"][60:96, 80:120] = planes["several"][40:44, 10:100] = 1
    planes["frame"][:] = 1
    planes["frame"][40:50, 50:60] = 0
    planes["dot"][30, 30] = 1
    planes["all but one"][:] = 1
    planes["all but one"][95, 119] = 0
    return planes


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    picture = arrays.arrays(np.uint8, (*size, 3))
    return draw(picture), draw(picture), draw(arrays.arrays(np.uint8, size, elements=st.integers(0, 1)))


@settings(deadline=None)
@given(cases(), st.sampled_from(BLENDS), st.integers(0, 30), st.sampled_from(["image/png", "image/webp"]))
def test_outside_the_hole_nothing_changes(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], blend: Blend, feather_pixels: int, media_type: str
) -> None:
    canvas, painted, hole = case
    before = canvas.copy()
    completed = compose(canvas, painted, hole, blend, feather_pixels)
    outside = hole == 0
    assert np.array_equal(completed[outside], before[outside])
    assert np.array_equal(canvas, before), "the canvas itself is never written to"
    limits = type(LIMITS)(LIMITS.max_image_pixels, LIMITS.max_side_pixels, 1)
    assert np.array_equal(decode_image(encode(completed, None, media_type), limits).rgb[outside], before[outside])


@pytest.mark.parametrize("name", holes())
@pytest.mark.parametrize("blend", BLENDS)
def test_a_painting_that_fits_is_taken_as_it_is(name: str, blend: Blend) -> None:
    hole = holes()[name]
    canvas, painted = smooth(seed=1), smooth(seed=1)
    painted[hole > 0] = smooth(seed=2)[hole > 0]
    completed = compose(canvas, painted, hole, blend)
    assert np.abs(completed.astype(int) - painted)[hole > 0].max() <= 1


def test_none_is_a_plain_paste() -> None:
    hole = holes()["several"]
    completed = compose(smooth(seed=1), smooth(seed=2), hole, "none")
    assert np.array_equal(completed, np.where(hole[..., None] > 0, smooth(seed=2), smooth(seed=1)))


@pytest.mark.parametrize("name", ["disc", "border", "several"])
@pytest.mark.parametrize(("blend", "left"), [("none", 20), ("feather", 4), ("poisson", 1)])
def test_the_seam_of_a_lighter_painting(name: str, blend: Blend, left: int) -> None:
    """The painting is 20 levels lighter; beside the hole's edge so much may be left of it."""
    hole, canvas = holes()[name], smooth(seed=1) // 2 + 50
    completed = compose(canvas, canvas + 20, hole, blend, 12)
    edge = (cv2.erode(hole, np.ones((3, 3), np.uint8)) == 0) & (hole > 0)
    assert np.abs(completed.astype(int) - canvas)[edge].max() <= left


def test_feather_leaves_the_middle_and_poisson_does_not() -> None:
    hole, canvas = holes()["disc"], np.full((96, 120, 3), 100, np.uint8)
    painted = canvas + 40
    assert compose(canvas, painted, hole, "feather", 10)[48, 60].tolist() == [140, 140, 140]
    assert np.abs(compose(canvas, painted, hole, "poisson")[48, 60].astype(int) - 100).max() <= 1


def test_feather_fades_without_steps() -> None:
    hole, canvas = holes()["disc"], np.full((96, 120, 3), 100, np.uint8)
    row = compose(canvas, canvas + 40, hole, "feather", 20)[48, 35:61, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() <= 4


def test_poisson_keeps_the_painted_texture() -> None:
    hole, canvas = holes()["disc"], np.full((96, 120, 3), 100, np.uint8)
    texture = np.random.default_rng(0).integers(-15, 16, (96, 120, 1))
    painted = (140 + texture * (hole[..., None] > 0)).astype(np.uint8).repeat(3, axis=2)
    inside = compose(canvas, painted, hole, "poisson")[hole > 0].astype(int) - 100
    assert np.abs(inside - texture[hole > 0]).max() <= 1


@pytest.mark.parametrize("blend", ["feather", "poisson"])
def test_what_cannot_be_compared_is_not(blend: Blend) -> None:
    """Right of column 60 the painting is void and the canvas is still a hole: neither may colour the answer."""
    hole, canvas = holes()["disc"], np.full((96, 120, 3), 100, np.uint8)
    hole[:, 60:] = 0
    painted = np.full_like(canvas, 130)
    painted[:, 60:] = 0
    comparable = np.ones((96, 120), np.uint8)
    comparable[:, 60:] = 0
    completed = compose(canvas, painted, hole, blend, 12, comparable=comparable).astype(int)
    assert completed[hole > 0].min() >= 98
    assert completed[hole > 0].max() <= 131
    nothing = np.zeros_like(hole)
    assert np.array_equal(compose(canvas, painted, hole, blend, comparable=nothing)[hole > 0], painted[hole > 0])


def test_read_only_canvas() -> None:
    canvas = smooth()
    canvas.flags.writeable = False
    assert compose(canvas, smooth(seed=3), holes()["disc"]).flags.writeable


def test_an_empty_hole_is_a_copy() -> None:
    canvas = smooth()
    assert np.array_equal(compose(canvas, smooth(seed=3), np.zeros((96, 120), np.uint8)), canvas)


def test_poisson_blending_is_the_one_of_evaluation() -> None:
    raw, image, hole, completed = (np.array(GOLDEN["poisson"][name], np.uint8) for name in POISSON)
    assert np.abs(compose(image, raw, hole, "poisson").astype(int) - completed).max() <= 1
