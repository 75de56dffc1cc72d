from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.errors import BadField, EmptyHole, FullHole
from service.imaging.decode import decode_mask
from tests.service.imaging.files import LIMITS, saved

SIZE = (60, 80)
STROKE = (slice(10, 20), slice(10, 60))


def plane(value: int, stroke: int) -> np.ndarray:
    mask = np.full(SIZE, value, np.uint8)
    mask[STROKE] = stroke
    return mask


def decoded(mask: np.ndarray, **options: object) -> np.ndarray:
    return decode_mask(saved(Image.fromarray(mask)), LIMITS, size=SIZE, **options)  # type: ignore[arg-type]  # options as a test writes them


def photo() -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack((rows * 4, columns * 3, rows + columns), axis=-1).astype(np.uint8)


@pytest.mark.parametrize("brightest", [1, 100, 127])
def test_a_dark_mask_is_told_to_be_scaled(brightest: int) -> None:
    with pytest.raises(EmptyHole, match=f"brightest value is {brightest}; 128 and more mark, so scale it"):
        decoded(plane(0, brightest))
    with pytest.raises(FullHole, match="scale it"):
        decoded(plane(0, brightest), invert=True)


def test_a_black_and_a_white_mask_are_asked_about_inversion() -> None:
    with pytest.raises(EmptyHole, match="mask_invert"):
        decoded(plane(0, 0))
    with pytest.raises(FullHole, match="mask_invert"):
        decoded(plane(255, 255))


def test_a_photograph_with_a_part_erased_is_asked_for_its_mode() -> None:
    erased = np.dstack((photo(), plane(255, 0)))
    with pytest.raises(BadField, match="send mask_mode=alpha") as refused:
        decoded(erased)
    assert refused.value.errors[0]["field"] == "mask_mode"
    assert decoded(erased, mode="alpha").sum() == 500


def test_an_opaque_photograph_is_a_mask_by_its_brightness() -> None:
    assert decoded(np.dstack((photo(), plane(255, 255)))).any()


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 255, 0), (200, 255, 200)])
def test_strokes_on_transparency_are_marked(colour: tuple[int, int, int]) -> None:
    mask = np.dstack((np.zeros((*SIZE, 3), np.uint8), plane(0, 255)))
    mask[STROKE][..., :3] = colour
    assert decoded(mask).sum() == 500


def test_black_with_a_transparent_part_is_asked_for_its_mode() -> None:
    with pytest.raises(EmptyHole, match="mask_mode=alpha"):
        decoded(np.dstack((np.zeros((*SIZE, 3), np.uint8), plane(255, 0))))


def test_an_opaque_mask_in_the_mode_alpha() -> None:
    with pytest.raises(EmptyHole, match="an alpha below 128 marks"):
        decoded(np.dstack((photo(), plane(255, 200))), mode="alpha")
    with pytest.raises(BadField, match="no transparency"):
        decoded(photo(), mode="alpha")
