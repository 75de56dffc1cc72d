"""What config.pbtxt files say beyond the signatures, which test_export.py compares."""

from pathlib import Path

from training.signature import ensembles_of

SHIPPED = Path(__file__).parents[2] / "model_repository"


def test_an_ensemble_names_the_models_of_its_steps() -> None:
    assert ensembles_of(SHIPPED)["lafin"] == ["lafin_predictor", "lafin_generator"]
    assert "lafin_generator" not in ensembles_of(SHIPPED)


def test_a_folder_without_models_has_none(tmp_path: Path) -> None:
    assert ensembles_of(tmp_path) == {}
