"""Which TorchScript files are made, and what is said when one cannot be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from deploy import models
from deploy.models import MADE_FROM, UNFINISHED, leaf_models, make_models, sources, stale_models
from deploy.place import CannotStart
from training import export
from training.exchange import JOURNAL


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A model with a snapshot, and an ensemble."""
    leaf, ensemble = tmp_path / "x_generator", tmp_path / "x"
    leaf.mkdir()
    (leaf / "config.pbtxt").write_text('name: "x_generator"\nbackend: "pytorch"\n')
    (leaf / "snapshot.safetensors").write_bytes(b"weights")
    ensemble.mkdir()
    (ensemble / "config.pbtxt").write_text('name: "x"\nplatform: "ensemble"\n')
    return tmp_path


def write_script(repository: Path) -> None:
    """1/model.pt, made from the snapshot and configuration that stand there, long before either was written."""
    folder = repository / "x_generator"
    (folder / "1").mkdir(exist_ok=True)
    (folder / "1" / "model.pt").write_bytes(b"script")
    (folder / "1" / "made_from.json").write_text(json.dumps(sources(folder)))
    os.utime(folder / "1" / "model.pt", (0, 0))


def test_an_ensemble_is_no_leaf(repository: Path) -> None:
    assert [folder.name for folder in leaf_models(repository)] == ["x_generator"]


def test_a_missing_script_is_stale(repository: Path) -> None:
    assert stale_models(repository) == ["x_generator"]


@pytest.mark.parametrize("name", ["snapshot.safetensors", "config.pbtxt"])
def test_a_script_of_other_files_is_stale_whatever_the_dates_say(repository: Path, name: str) -> None:
    write_script(repository)
    assert stale_models(repository) == []
    file = repository / "x_generator" / name
    file.write_bytes(file.read_bytes() + b"\n")
    os.utime(file, (0, 0))
    os.utime(repository / "x_generator" / "1" / "model.pt")
    assert stale_models(repository) == ["x_generator"]


def test_a_script_of_a_network_whose_code_has_changed_is_stale(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_script(repository)
    code = tmp_path / "training"
    shutil.copytree(models.TRAINING / "layers", code / "layers")
    (code / "papers" / "x").mkdir(parents=True)
    monkeypatch.setattr(models, "TRAINING", code)
    assert stale_models(repository) == [], "the same layers, and a room without a module"
    (code / "papers" / "x" / "networks.py").write_text("width = 32")
    assert stale_models(repository) == ["x_generator"]


@pytest.mark.parametrize("told", [None, "", "{", "[]", "{}"])
def test_a_script_that_does_not_say_what_it_was_made_from_is_stale(repository: Path, told: str | None) -> None:
    write_script(repository)
    record = repository / "x_generator" / "1" / "made_from.json"
    record.unlink() if told is None else record.write_text(told)
    assert stale_models(repository) == ["x_generator"]


def test_a_script_of_these_files_is_kept_and_the_ensemble_gets_its_folder(repository: Path) -> None:
    write_script(repository)
    assert stale_models(repository) == []
    make_models(repository)
    assert (repository / "x_generator" / "1" / "model.pt").read_bytes() == b"script"
    assert (repository / "x" / "1").is_dir()


def test_a_script_without_a_snapshot_is_served_as_it_is(repository: Path) -> None:
    write_script(repository)
    (repository / "x_generator" / "snapshot.safetensors").unlink()
    assert stale_models(repository) == []


def test_lost_weights_are_one_line_that_says_which(repository: Path) -> None:
    (repository / "x_generator" / "snapshot.safetensors").rename(repository / "x_generator" / "card.md")
    with pytest.raises(CannotStart, match=r"x_generator has no weights: .*snapshot\.safetensors is missing") as caught:
        stale_models(repository)
    assert "\n" not in str(caught.value)


def test_what_was_never_trained_is_named_and_left_out(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_script(repository)
    for name, config in (
        ("y_a", 'backend: "pytorch"'),
        ("y", 'ensemble_scheduling { step [ { model_name: "y_a" } ] }'),
    ):
        (repository / name).mkdir()
        (repository / name / "config.pbtxt").write_text(config)
    make_models(repository)
    assert capsys.readouterr().out == "Not served, for there is no snapshot of them here: y, y_a\n"
    assert not (repository / "y_a" / "1").exists()
    assert not (repository / "y" / "1").exists()
    assert (repository / "x" / "1").is_dir()


def test_a_repository_of_untrained_models_serves_nothing(repository: Path) -> None:
    (repository / "x_generator" / "snapshot.safetensors").unlink()
    with pytest.raises(CannotStart, match=r"no model in .* has weights") as caught:
        stale_models(repository)
    assert "\n" not in str(caught.value)


def test_a_folder_without_models(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="MODEL_REPOSITORY must name"):
        stale_models(tmp_path)


def test_an_interrupted_export_is_finished_although_nothing_is_stale(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (UNFINISHED, MADE_FROM) == (JOURNAL, export.MADE_FROM)
    write_script(repository)
    (repository / "x_generator" / ".new-card.md").write_text("the new card")
    (repository / UNFINISHED).write_text('{"x_generator/.new-card.md": "x_generator/card.md"}')
    make_models(repository)
    assert "Finishing an interrupted export" in capfd.readouterr().out
    assert (repository / "x_generator" / "card.md").read_text() == "the new card"
    assert not (repository / UNFINISHED).exists()


def test_a_failed_export_is_said(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The snapshot of this repository is no safetensors file, and no room is called x."""
    with pytest.raises(CannotStart, match="the export failed"):
        make_models(repository)
    assert "x_generator" in capfd.readouterr().out
