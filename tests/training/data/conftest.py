"""Prepared folders of drawn faces for the tests of data."""

import shutil
from pathlib import Path

import pytest

from training.data.drawn import write_folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn faces at 64 px; not to be changed."""
    path = tmp_path_factory.mktemp("drawn") / "faces"
    write_folder(path, 12, 64, seed=1)
    return path


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "faces", ignore=shutil.ignore_patterns(".packed")))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, in the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
