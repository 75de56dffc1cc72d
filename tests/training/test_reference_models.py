"""How the networks of `reference` are opened where attributes are measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.checkpoint import save_snapshot
from training.errors import OptionError
from training.papers.reference.attributes import RATINGS, names
from training.papers.reference.networks import Generator
from training.papers.reference.snapshots import described
from training.reference_models import open_extractor, open_generator
from training.systems import Repository

NAMES = names(RATINGS)


def test_extractor_and_generator_of_one_training(tiny_repository: Path) -> None:
    models = Repository(tiny_repository, {})
    _, known = open_extractor(models)
    assert known == NAMES
    assert open_generator(models, known).attributes == 8


def test_a_generator_that_obeys_nobody_has_no_names_and_one_of_others_is_refused(
    tiny_repository: Path, tmp_path: Path
) -> None:
    file = tmp_path / "other.safetensors"
    models = Repository(tiny_repository, {"reference_generator": file})
    save_snapshot(file, Generator(2, 0).state_dict(), {})
    assert open_generator(models, NAMES).attributes == 0
    save_snapshot(file, described(Generator(2, 8).state_dict(), NAMES[::-1], 0), {})
    with pytest.raises(OptionError, match="obeys well-groomed, weight"):
        open_generator(models, NAMES)
