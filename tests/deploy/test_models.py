"""Which TorchScript files are made, and what is said when one cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.models import UNFINISHED, leaf_models, make_models, stale_models
from deploy.place import CannotStart
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


def write_script(repository: Path, *, age_seconds: float) -> None:
    """1/model.pt, `age_seconds` older than the snapshot."""
    script = repository / "x_generator" / "1" / "model.pt"
    script.parent.mkdir(exist_ok=True)
    script.write_bytes(b"script")
    snapshot_time = (repository / "x_generator" / "snapshot.safetensors").stat().st_mtime
    os.utime(script, (snapshot_time - age_seconds, snapshot_time - age_seconds))


def test_an_ensemble_is_no_leaf(repository: Path) -> None:
    assert [folder.name for folder in leaf_models(repository)] == ["x_generator"]


def test_a_missing_script_is_stale(repository: Path) -> None:
    assert stale_models(repository) == ["x_generator"]


def test_an_older_script_is_stale(repository: Path) -> None:
    write_script(repository, age_seconds=10)
    assert stale_models(repository) == ["x_generator"]


def test_a_script_older_than_its_configuration_is_stale(repository: Path) -> None:
    write_script(repository, age_seconds=-10)
    config = repository / "x_generator" / "config.pbtxt"
    os.utime(config, (config.stat().st_mtime + 60,) * 2)
    assert stale_models(repository) == ["x_generator"]


def test_a_newer_script_is_kept_and_the_ensemble_gets_its_folder(repository: Path) -> None:
    write_script(repository, age_seconds=-10)
    assert stale_models(repository) == []
    make_models(repository)
    assert (repository / "x_generator" / "1" / "model.pt").read_bytes() == b"script"
    assert (repository / "x" / "1").is_dir()


def test_a_script_without_a_snapshot_is_served_as_it_is(repository: Path) -> None:
    write_script(repository, age_seconds=0)
    (repository / "x_generator" / "snapshot.safetensors").unlink()
    assert stale_models(repository) == []


def test_lost_weights_are_one_line_that_says_which(repository: Path) -> None:
    (repository / "x_generator" / "snapshot.safetensors").rename(repository / "x_generator" / "card.md")
    with pytest.raises(CannotStart, match=r"x_generator has no weights: .*snapshot\.safetensors is missing") as caught:
        stale_models(repository)
    assert "\n" not in str(caught.value)


def test_what_was_never_trained_is_named_and_left_out(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_script(repository, age_seconds=-10)
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
    assert UNFINISHED == JOURNAL
    write_script(repository, age_seconds=-10)
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
