"""Which models have no weights, and which have lost them."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.unshipped import served, unshipped

LEAF = 'backend: "pytorch"\n'


def write(root: Path, name: str, config: str = LEAF, holds: str | None = None) -> Path:
    (root / name).mkdir()
    (root / name / "config.pbtxt").write_text(config)
    if holds is not None:
        (root / name / holds).parent.mkdir(exist_ok=True)
        (root / name / holds).write_bytes(b"")
    return root / name


def calling(*models: str) -> str:
    return "ensemble_scheduling { step [ " + ", ".join(f'{{ model_name: "{name}" }}' for name in models) + " ] }"


def test_a_folder_with_a_configuration_alone_was_never_trained(tmp_path: Path) -> None:
    write(tmp_path, "never")
    assert (unshipped(tmp_path), served(tmp_path)) == (["never"], [])


@pytest.mark.parametrize("holds", ["snapshot.safetensors", "card.md", "1/model.pt", "12/model.pt"])
def test_weights_or_what_speaks_of_them_make_a_model_one_to_serve(tmp_path: Path, holds: str) -> None:
    """If they are lost, whoever wants to load them says so."""
    write(tmp_path, "x_generator", holds=holds)
    assert (unshipped(tmp_path), served(tmp_path)) == ([], ["x_generator"])


def test_an_ensemble_goes_with_its_models_however_deep(tmp_path: Path) -> None:
    write(tmp_path, "there", holds="snapshot.safetensors")
    write(tmp_path, "never")
    write(tmp_path, "a_whole", calling("b_both", "there"))
    write(tmp_path, "b_both", calling("there", "never"))
    write(tmp_path, "fine", calling("there", "there"))
    assert unshipped(tmp_path) == ["a_whole", "b_both", "never"]
    assert served(tmp_path) == ["fine", "there"]
