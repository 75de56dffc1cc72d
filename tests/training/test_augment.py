"""Augmented pairs: holes are filled by the generator, landmarks stay, whole epochs that `PairedFaces` accepts."""

import cv2
import numpy as np
import torch
from typer.testing import CliRunner

from training.augment import app, augment, augment_batch
from training.data.augmented import PairedFaces
from training.data.faces import FaceFolder, open_split
from training.given import Answer, Given


def gray(given: Given) -> Answer:
    assert not (given.image * given.hole).any()
    return Answer(raw=torch.full_like(given.image, 128))


def test_only_holes_are_painted_and_every_epoch_has_other_ones(drawn_folder):
    faces = open_split(drawn_folder, "train")
    first, points = augment_batch(faces, gray, [0, 3], [0, 0], "cpu")
    again, _ = augment_batch(faces, gray, [3], [0, 0], "cpu")
    second, _ = augment_batch(faces, gray, [0, 3], [0, 1], "cpu")
    assert first.shape == (2, 256, 256, 3)
    assert np.array_equal(first[1], again[0])
    assert not np.array_equal(first, second)
    picture = cv2.resize(faces.image(0), (256, 256), interpolation=cv2.INTER_CUBIC)
    changed = (first[0] != picture).any(axis=2)
    assert 0.05 < changed.mean() < 0.7
    assert (first[0][changed] == 128).all()
    assert np.allclose(points[0], (faces.landmarks(0) + 0.5) * 2 - 0.5, atol=1e-3)


def test_a_folder_holds_whole_epochs(drawn_folder, tmp_path):
    faces = open_split(drawn_folder, "train")
    augment(faces, gray, tmp_path, epochs=2, seed=0, batch_size=4)
    augmented = FaceFolder(tmp_path)
    assert len(augmented) == 2 * len(faces) == 10
    assert augmented.names[:2] == ["e000_0000", "e000_0001"]
    assert augmented.names[5] == "e001_0000"
    assert np.array_equal(augmented.landmarks(7), augmented.landmarks(2))
    assert not np.array_equal(augmented.image(7), augmented.image(2))
    paired = PairedFaces(faces, augmented)
    assert len(paired) == 20


def test_command_runs_the_generator_of_a_repository(tiny_repository, drawn_folder, tmp_path):
    arguments = ["--data", drawn_folder, "--repository", tiny_repository, "--output", tmp_path / "new"]
    options = ["--split", "validation", "--epochs", 1]
    result = CliRunner().invoke(app, [str(argument) for argument in (*arguments, *options)])
    assert result.exit_code == 0, result.output
    assert "1 augmented pairs in" in result.output
    assert FaceFolder(tmp_path / "new").image(0).shape == (256, 256, 3)
    result = CliRunner().invoke(app, [str(argument) for argument in (*arguments, *options)])
    assert result.exit_code == 1
    assert "is a prepared folder already" in str(result.exception) + result.output


def test_missing_files_are_one_line(drawn_folder, tmp_path):
    for options in (["--data", tmp_path], ["--data", drawn_folder, "--repository", tmp_path]):
        result = CliRunner().invoke(app, [str(option) for option in (*options, "--output", tmp_path / "new")])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit)
        assert not (tmp_path / "new").exists()
