"""What the options of an evaluation choose, and which of them contradict each other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from training.choosing import Asked, choose, choose_profile, require_agreement
from training.errors import OptionError
from training.systems import Repository


def test_a_table_brings_its_system_holes_profile_and_baselines(tiny_repository: Path) -> None:
    asked = Asked(table="lafin")
    chosen = choose(asked, Repository(tiny_repository, {}), None, None)
    assert (chosen.name, chosen.frame_pixels, chosen.paper) == ("lafin", 256, "lafin")
    assert chosen.kinds == ["10-20", "20-30", "30-40", "40-50", "50-60", "center"]
    assert [method.name for method in chosen.methods] == ["lafin", "telea", "navier-stokes"]
    assert choose_profile(asked, None) == "lafin"
    about = chosen.about()
    assert set(about["weights"]) == {"lafin_predictor", "lafin_generator"}
    assert list(about["methods"]) == ["lafin", "telea", "navier-stokes"]


def test_a_model_alone_is_measured_alone_in_its_own_frame(tiny_repository: Path) -> None:
    chosen = choose(Asked(model="gfc"), Repository(tiny_repository, {}), "center", None)
    assert ([method.name for method in chosen.methods], chosen.frame_pixels) == (["gfc"], 128)
    assert "measured_at_pixels" not in chosen.methods[0].about
    larger = choose(Asked(model="gfc"), Repository(tiny_repository, {}), "center", 256)
    assert larger.methods[0].about["measured_at_pixels"] == 256


def test_another_model_can_stand_in_a_papers_table(tiny_repository: Path) -> None:
    asked = Asked(table="lafin", model="gfc")
    chosen = choose(asked, Repository(tiny_repository, {}), None, 256)
    assert [method.name for method in chosen.methods][:1] == ["gfc"]
    assert {paper for paper, _ in chosen.printed()} == {"lafin"}


def test_nothing_to_measure_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown baseline 'other'; there are telea, navier-stokes"):
        choose(Asked(baselines_only=True, baseline="other"), Repository(tmp_path, {}), None, None)
    with pytest.raises(OptionError, match="two methods are called telea"):
        choose(Asked(baselines_only=True, baseline="telea,telea"), Repository(tmp_path, {}), None, None)


def test_options_that_contradict_each_other_are_named() -> None:
    for asked, words in {
        Asked(table="gfc", everything=True): "--table and --all",
        Asked(everything=True, service="http://127.0.0.1:1"): "--all and --service",
        Asked(baselines_only=True, service="http://127.0.0.1:1"): "--baselines-only and --service",
        Asked(blend="feather"): "unknown blend 'feather'",
    }.items():
        with pytest.raises(OptionError, match=words):
            require_agreement(asked, None, None)
    require_agreement(Asked(blend="feather", service="http://127.0.0.1:1"), "center", "lafin")


def test_a_run_called_like_a_system_is_told_apart(tiny_repository: Path, unbroken: Path, tmp_path: Path) -> None:
    shutil.copytree(unbroken, tmp_path / "lafin" / "generator")
    write_run(tmp_path / "lafin")
    chosen = choose(Asked(model="lafin", runs=tmp_path), Repository(tiny_repository, {}), "center", None)
    assert [method.name for method in chosen.methods] == ["lafin", "lafin (run)"]


def test_a_table_without_the_repositorys_snapshot_is_made_of_runs_or_says_what_would_do(
    tiny_repository: Path, unbroken: Path, tmp_path: Path
) -> None:
    for model in ("lafin_predictor", "lafin_generator"):
        shutil.copytree(tiny_repository / model, tmp_path / "repository" / model)
    (tmp_path / "repository" / "lafin_generator" / "snapshot.safetensors").unlink()
    shutil.copytree(unbroken, tmp_path / "runs" / "mine" / "generator")
    write_run(tmp_path / "runs" / "mine")
    asked = Asked(table="lafin", runs=tmp_path / "runs")
    chosen = choose(asked, Repository(tmp_path / "repository", {}), None, None)
    assert [method.name for method in chosen.methods] == ["mine", "telea", "navier-stokes"]
    with pytest.raises(OptionError, match=r"there is no snapshot at .*; --runs takes a run's, --baselines-only"):
        choose(Asked(table="lafin"), Repository(tmp_path / "repository", {}), None, None)


def write_run(run: Path) -> None:
    """The records of a run that has trained LaFIn's generator."""
    (run / "run.json").write_text('{"recipe": "lafin_tiny"}')
    (run / "generator" / "run.json").write_text('{"recipe": "lafin_tiny", "part": "generator"}')
