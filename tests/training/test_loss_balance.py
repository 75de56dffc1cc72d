"""Pulls of the terms: a weight that is the share over the pull gives the term that share."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from training.data.drawn import DrawnFaces
from training.data.stream import batches
from training.loss_balance import SHARES, app, lengths_of, measure
from training.papers.showface.recipe import showface_tiny
from training.recipe import Files

PART = showface_tiny().part("refiner")
FACES = DrawnFaces(4, 64)


def test_the_printed_weights_give_each_term_its_share(features_file: Path) -> None:
    files = Files(features_file)
    pulls = measure(PART, files, FACES, 4)
    assert set(pulls) == set(SHARES)
    torch.manual_seed(PART.seed)
    step = PART.build(files)
    batch = next(batches(PART.stream(FACES, PART, PART.stages[-1]), start=0, batch_size=4, workers=0))
    lengths = lengths_of(step, batch)
    for term, share in SHARES.items():
        assert share / pulls[term] * lengths[term] == pytest.approx(share * lengths["reconstruction"], rel=1e-3)


def test_terms_that_need_what_is_not_there_are_left_out() -> None:
    assert set(measure(PART, Files(), FACES, 4)) == set(SHARES) - {"perceptual", "style"}


def test_the_command_prints_a_row_for_each_term(drawn_folder: Path, features_file: Path) -> None:
    words = ["--data", drawn_folder, "--recipe", "showface_tiny", "--features", features_file, "--count", 4]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert all(f"| {term} |" in done.output for term in SHARES)
