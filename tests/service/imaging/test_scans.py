from __future__ import annotations

import time

import numpy as np
import pytest

from service.errors import TooManyScans
from service.imaging.decode import MAX_SCANS, ImageLimits, decode_image
from service.imaging.scans import count_scans
from tests.fakes.pictures import encoded, scene
from tests.faults.hostile import with_scans

LIMITS = ImageLimits(25_000_000, 10_000, 32)


@pytest.mark.parametrize(
    ("options", "scans"),
    [({}, 1), ({"progressive": True}, 10), ({"quality": 100, "subsampling": 0}, 1), ({"restart_marker_rows": 1}, 1)],
)
def test_the_scans_of_a_usual_file_are_counted(options: dict, scans: int) -> None:
    data = encoded(scene(), "JPEG", **options)
    assert count_scans(data, 1000) == scans
    decode_image(data, LIMITS)


def test_a_preview_inside_the_metadata_does_not_count() -> None:
    preview = encoded(scene(64, 64), "JPEG", progressive=True)
    data = encoded(scene(), "JPEG", comment=preview)
    assert count_scans(data, 1000) == 1


def test_a_second_picture_behind_the_first_does_not_count() -> None:
    one = encoded(scene(), "JPEG", progressive=True)
    assert count_scans(one + one, 1000) == 10


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xda", b"\xff\xd8\xff\xda\xff", b"\xff" * 1000, b"\x00" * 1000])
def test_nonsense_is_counted_too(data: bytes) -> None:
    assert count_scans(data, 10) <= 1


def test_endless_scans_are_refused_before_they_are_decoded() -> None:
    data = with_scans(np.full((4000, 4000), 128, np.uint8), 20_000)
    begin = time.thread_time()
    with pytest.raises(TooManyScans) as raised:
        decode_image(data, LIMITS)
    assert time.thread_time() - begin < 5
    assert raised.value.errors[0]["allowed"] == MAX_SCANS


def test_as_many_scans_as_are_allowed_are_decoded() -> None:
    decode_image(with_scans(np.full((64, 64), 128, np.uint8), MAX_SCANS - 6), LIMITS)
