"""Sheets with titles and numbers, and errors on validation faces, of every part of every tiny recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.training.several import FACES, files, tiny_parts
from training.data.drawn import DrawnFaces
from training.data.stream import FaceStream, collate
from training.recipe import Files, Part
from training.step import HOLE_L1, Step
from training.watching import (
    NUMBERS_PIXELS,
    TITLES_PIXELS,
    drawn,
    note_validation,
    shown_row,
    validate,
    validation_of,
    write_sheet,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory):
    return files(tmp_path_factory.mktemp("files"))


def built(part: Part, frozen) -> Step:
    torch.manual_seed(0)
    step = part.build(frozen)
    for network in step.networks.values():
        network.eval()
    return step


@pytest.mark.parametrize("name", tiny_parts())
def test_every_part_names_its_columns_and_knows_the_figure_of_its_recipe(name: str, frozen, tmp_path: Path) -> None:
    part = tiny_parts()[name]
    step = built(part, frozen)
    errors = validate(part, step, step.networks, FACES, CPU)
    assert np.isfinite(errors[part.best_by])
    assert errors[part.best_by] > 0
    write_sheet(part, part.stages[-1], step, step.networks, FACES, tmp_path / "sheet.png", CPU)
    sheet, side = cv2.imread(str(tmp_path / "sheet.png")), part.stages[-1].pixels
    assert sheet is not None
    assert sheet.shape == (TITLES_PIXELS + 2 * side, NUMBERS_PIXELS + len(step.columns) * side, 3)


def test_titles_and_numbers_stand_beside_the_pictures() -> None:
    pictures = torch.full((2, 3, 3, 24, 24), 0.5)
    sheet = drawn(pictures, ("masked image", "raw", "completed"), (7, 12))
    whole = sheet[TITLES_PIXELS:, NUMBERS_PIXELS:]
    assert (whole == 128).all()
    for place in range(3):  # letters in each strip, inside it
        assert (sheet[:TITLES_PIXELS, NUMBERS_PIXELS + 24 * place : NUMBERS_PIXELS + 24 * (place + 1)] < 200).any()
    assert (sheet[TITLES_PIXELS : TITLES_PIXELS + 24, :NUMBERS_PIXELS] < 200).any()
    assert (sheet[:TITLES_PIXELS, :NUMBERS_PIXELS] == 255).all()


def test_the_numbers_are_those_of_the_faces() -> None:
    part = tiny_parts()["lafin_tiny_generator"]
    row = shown_row(FACES, part, part.stages[0])
    assert isinstance(row, FaceStream)
    index = row.face_of(0)
    picture = row[0]["image"].numpy().transpose(1, 2, 0)
    face = cv2.resize(FACES.image(index), picture.shape[:2], interpolation=cv2.INTER_AREA)
    assert min(np.abs(picture.astype(int) - one).mean() for one in (face, face[:, ::-1])) < 3


def test_a_perfect_painter_has_no_error_and_a_grey_one_that_of_grey() -> None:
    part = tiny_parts()["lafin_tiny_generator"]
    batch = collate([shown_row(FACES, part, part.stages[0])[place] for place in range(3)])

    class Painter(Step):
        columns = ("completed", "image")

        def turns(self):
            return ()

        def sheet(self, networks, batch):
            raw = batch.image if "copy" in networks else torch.full_like(batch.image, 0.5)
            return torch.stack((raw * batch.hole + batch.image * (1 - batch.hole), batch.image), dim=1)

    painter = Painter({}, {})
    assert painter.judge({"copy": torch.nn.Identity()}, batch)[HOLE_L1].tolist() == [0.0] * 3
    found = painter.judge({}, batch)[HOLE_L1]
    for place in range(3):
        missing = batch.image[place][:, batch.hole[place, 0] == 1]
        assert float(found[place]) == pytest.approx(100 * float((missing - 0.5).abs().mean()), rel=1e-4)


def test_the_mean_is_over_faces_whatever_the_batches() -> None:
    part = tiny_parts()["lafin_tiny_generator"]
    step = built(part, Files())
    many = DrawnFaces(11, 64)
    whole = validate(replace(part, validation_faces=11), step, step.networks, many, CPU)
    row = shown_row(many, part, part.stages[-1])
    single = [step.judge(step.networks, collate([row[place]])) for place in range(11)]
    mean = float(torch.cat([one[part.best_by].detach() for one in single]).mean())
    assert whole[part.best_by] == pytest.approx(mean, rel=1e-4)


def test_faces_that_a_part_cannot_use_are_left_alone_with_a_line() -> None:
    """A reference is another face; one face has none. The first item of the row tells."""
    part = tiny_parts()["reference_tiny_generator"]
    assert validation_of(part, FACES)[0] is FACES
    assert validation_of(part, None) == (None, "generator: no validation")

    class Unlabelled(DrawnFaces):
        def known_attributes(self, index, names):
            return np.full(len(names), np.nan, np.float32)

    faces, line = validation_of(part, Unlabelled(2, 64))
    assert faces is None
    assert line.startswith("generator: no validation, for no face has a number of any of ")


def test_a_figure_that_is_not_finite_is_null(tmp_path: Path) -> None:
    note_validation(tmp_path / "validation.jsonl", 8, {"nme_percent": float("inf"), "other": 2.0}, best=False)
    text = (tmp_path / "validation.jsonl").read_text()
    assert text == '{"images_seen": 8, "nme_percent": null, "other": 2.0, "best": false}\n'
