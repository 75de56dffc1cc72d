"""What config.pbtxt files say beyond the signatures, which test_export.py compares."""

from pathlib import Path

from training.signature import ensembles_of, with_parameters

SHIPPED = Path(__file__).parents[2] / "model_repository"


def test_an_ensemble_names_the_models_of_its_steps() -> None:
    assert ensembles_of(SHIPPED)["lafin"] == ["lafin_predictor", "lafin_generator"]
    assert "lafin_generator" not in ensembles_of(SHIPPED)


def test_a_folder_without_models_has_none(tmp_path: Path) -> None:
    assert ensembles_of(tmp_path) == {}


def test_parameters_take_the_place_of_what_was_said_about_them() -> None:
    text = 'name: "x"\nparameters { key: "classes" value { string_value: "a,b" } }\nbackend: "pytorch"\n'
    assert with_parameters(text, {"classes": "c", "size": "2"}) == (
        'name: "x"\nbackend: "pytorch"\n'
        'parameters { key: "classes" value { string_value: "c" } }\n'
        'parameters { key: "size" value { string_value: "2" } }\n'
    )
