"""The arguments for a Triton name what has weights, once it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.place import CannotStart
from deploy.triton import loading_arguments


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("trained", "untrained"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_text('backend: "pytorch"\n')
    (tmp_path / "trained" / "1").mkdir()
    (tmp_path / "trained" / "1" / "model.pt").write_bytes(b"")
    return tmp_path


def test_only_what_has_weights_is_loaded(repository: Path) -> None:
    assert loading_arguments(repository) == ["--model-control-mode=explicit", "--load-model=trained"]


def test_models_are_made_first(repository: Path) -> None:
    (repository / "untrained" / "snapshot.safetensors").write_bytes(b"")
    with pytest.raises(CannotStart, match=r"make these models first .*: untrained"):
        loading_arguments(repository)
