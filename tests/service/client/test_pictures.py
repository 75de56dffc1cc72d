from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.client.pictures import opener
from tests.contract.engines import ROOT
from tests.fakes.pictures import box_mask, encoded, pixels, scene


def test_a_path_is_opened_anew_and_not_read_before(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"before")
    open_file = opener(file)
    file.write_bytes(b"after")
    for _ in range(2):
        with open_file() as opened:
            assert opened.name == str(file)
            assert opened.read() == b"after"


@pytest.mark.parametrize("picture", [b"data", bytearray(b"data"), memoryview(b"data"), BytesIO(b"data")])
def test_what_lies_in_memory_can_be_opened_twice(picture: object) -> None:
    open_file = opener(picture)  # type: ignore[arg-type]  # every kind that is taken
    assert [open_file().read(), open_file().read()] == [b"data", b"data"]


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3), (5, 4, 4)])
def test_arrays_become_png_without_loss(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(pixels(opener(array)().read()), array)


def test_true_is_white() -> None:
    assert np.array_equal(pixels(opener(box_mask() > 0)().read()), box_mask())


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8), np.ones((2, 2, 3), bool)]
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is no picture"):
        opener(array)


def test_an_image_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(BytesIO(encoded(scene(30, 40), "PNG", exif=exif)))
    assert pixels(opener(image)().read()).shape == (40, 30, 3)


def test_an_image_of_a_mode_that_png_would_change_is_refused() -> None:
    with pytest.raises(ValueError, match="mode CMYK"):
        opener(Image.new("CMYK", (4, 4)))


@pytest.mark.parametrize("picture", [None, 3, 1.5, object()])
def test_anything_else_is_a_type_error(picture: object) -> None:
    with pytest.raises(TypeError, match="is no picture"):
        opener(picture)  # type: ignore[arg-type]  # that is the point


def test_a_path_to_nowhere_fails_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opener(tmp_path / "nowhere.png")
    with pytest.raises(IsADirectoryError):
        opener(str(tmp_path))


def test_the_client_loads_neither_a_framework_nor_what_only_pictures_need() -> None:
    code = (
        "import sys, service.client, service.client.command.main\n"
        "heavy = {'torch', 'fastapi', 'starlette', 'redis', 'tritonclient', 'grpc', 'cv2', 'PIL', 'numpy'}\n"
        "print(*sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (0, "\n", "")
