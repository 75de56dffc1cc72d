"""Which models a run gives, and what the cards say afterwards; scripts are test_export.py's."""

import shutil
from pathlib import Path

import pytest

from tests.training.written_runs import write_run
from training.checkpoint import save_snapshot
from training.exchange import Exchange
from training.papers import DEPLOYED
from training.papers.gfc.networks import Generator as GfcGenerator
from training.papers.lafin.networks import Generator, Predictor
from training.runs import RunError
from training.taking import models_of_run, prepare_snapshots

SHIPPED = Path(__file__).parents[2] / "model_repository"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """LaFIn with its ensemble, and GFC, without weights."""
    for name in ("lafin", "lafin_predictor", "lafin_generator", "gfc_generator"):
        (tmp_path / "repository" / name).mkdir(parents=True)
        for file in ("config.pbtxt", "card.md"):
            shutil.copy(SHIPPED / name / file, tmp_path / "repository" / name)
    return tmp_path / "repository"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "lafin"
    return write_run(run, "lafin_tiny", Predictor(), Generator(8, spectral=False))


def take(repository: Path, run: Path, names: list[str] | None = None) -> list[str]:
    """As training.export does, without scripts; the lines that it prints."""
    exchange = Exchange(repository)
    _, said = prepare_snapshots(exchange, run, models_of_run(run, repository, names))
    exchange.carry_out()
    return said


def test_a_run_gives_the_models_of_its_recipe(repository: Path, run: Path) -> None:
    assert list(models_of_run(run, repository, None)) == ["lafin_predictor", "lafin_generator"]


def test_a_model_that_the_repository_does_not_have_is_not_given(repository: Path, run: Path) -> None:
    shutil.rmtree(repository / "lafin_predictor")
    assert list(models_of_run(run, repository, None)) == ["lafin_generator"]


def test_a_parts_folder_or_none_is_named(repository: Path, run: Path) -> None:
    with pytest.raises(RunError, match=rf"generator is the folder of a part; name the run .*: --run {run}$"):
        models_of_run(run / "generator", repository, None)
    with pytest.raises(RunError, match=r"there is no run folder .*nowhere"):
        models_of_run(run / "nowhere", repository, ["lafin_generator"])


def test_the_best_or_numbered_ones_are_taken_where_they_are_asked_for(
    repository: Path, run: Path, tmp_path: Path
) -> None:
    kept = Path(shutil.copytree(run, tmp_path / "kept"))
    for part, network in (("predictor", Predictor()), ("generator", Generator(8, spectral=False))):
        save_snapshot(kept / part / "best" / f"{part}.safetensors", network.state_dict(), {"images_seen": "8"})
    exchange = Exchange(repository)
    copies, _ = prepare_snapshots(exchange, kept, models_of_run(kept, repository, None, "best"), "best")
    for name, part in (("lafin_predictor", "predictor"), ("lafin_generator", "generator")):
        assert copies[name].read_bytes() == (kept / part / "best" / f"{part}.safetensors").read_bytes()
    with pytest.raises(RunError, match=r"no recorded snapshot \(PART/run\.json\) in PART/snapshots/000000004 of"):
        models_of_run(kept, repository, None, "snapshots/000000004")
    with pytest.raises(RunError, match=r"generator/best/generator\.safetensors is missing"):
        models_of_run(run, repository, ["lafin_generator"], "best")


def test_a_model_of_another_room_is_refused(repository: Path, run: Path) -> None:
    with pytest.raises(RunError, match="recipe lafin_tiny, which makes no gfc_generator"):
        models_of_run(run, repository, ["gfc_generator"])


def test_a_part_that_is_not_trained_yet_is_left_or_named(repository: Path, run: Path, tmp_path: Path) -> None:
    young = Path(shutil.copytree(run, tmp_path / "young"))
    (young / "generator" / "generator.safetensors").unlink()
    assert list(models_of_run(young, repository, None)) == ["lafin_predictor"]
    with pytest.raises(RunError, match=r"generator\.safetensors is missing; train the part generator first"):
        models_of_run(young, repository, ["lafin_generator"])


def test_of_a_run_without_records_the_models_are_named(repository: Path, run: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(run, tmp_path / "old"))
    for record in old.rglob("run.json"):
        record.unlink()
    with pytest.raises(RunError, match="name the model with --model"):
        models_of_run(old, repository, None)
    take(repository, old, ["lafin_generator"])
    assert "recipe | not recorded" in (repository / "lafin_generator" / "card.md").read_text()
    assert (repository / "lafin_predictor" / "card.md").read_text() == (SHIPPED / "lafin_predictor/card.md").read_text()


def test_cards_say_what_is_known_and_a_line_says_so(repository: Path, run: Path) -> None:
    said = take(repository, run)
    card = (repository / "lafin_generator" / "card.md").read_text()
    for words in (
        "`lafin_tiny`, part `generator`",
        "12,000",
        "1,000 faces (`train`) of `faces`",
        "Nobody has measured",
    ):
        assert words in card
    assert "lafin_predictor and lafin_generator got other weights" in (repository / "lafin" / "card.md").read_text()
    assert [line.partition(" anew: ")[0] for line in said] == [
        f"wrote {repository / name / 'card.md'}" for name in ("lafin_predictor", "lafin_generator", "lafin")
    ]


def test_a_card_of_the_same_weights_stays(repository: Path, run: Path) -> None:
    take(repository, run)
    for name in ("lafin", "lafin_generator"):
        (repository / name / "card.md").write_text("Measured by a person.")
    assert take(repository, run) == []
    for name in ("lafin", "lafin_generator"):
        assert (repository / name / "card.md").read_text() == "Measured by a person."


def test_every_room_has_its_own_part_for_each_model() -> None:
    """The record names recipe and part; two models must not be meant by one pair."""
    rooms = [(name.partition("_")[0], one.part, one.network) for name, one in DEPLOYED.items()]
    assert len(set(rooms)) == len(rooms)


def test_parts_of_two_rooms_with_one_name_are_told_apart(repository: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "gfc", "gfc_tiny", GfcGenerator(2, 16))
    save_snapshot(run / "predictor" / "predictor.safetensors", Predictor().state_dict(), {})
    assert list(models_of_run(run, repository, None)) == ["gfc_generator"]
