"""The fetched core is complete, and what cannot be fetched says why."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tests.contract import fetch_triton
from tests.contract.fetch_triton import CannotFetch


def test_the_core_is_complete() -> None:
    for file in (fetch_triton.SERVER, fetch_triton.PYTHON_BACKEND / fetch_triton.STUB):
        assert os.access(file, os.X_OK)
    assert (fetch_triton.PYTHON_BACKEND / "libtriton_python.so").is_file()
    assert list(fetch_triton.LIBRARIES.glob("libtritonserver*"))


def test_a_second_fetch_does_nothing() -> None:
    before = fetch_triton.HOME.stat().st_mtime_ns
    fetch_triton.fetch()
    assert fetch_triton.HOME.stat().st_mtime_ns == before


def test_only_what_is_needed_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "core.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("pytriton/tritonserver/bin/tritonserver", "nvidia_pytriton.libs/a.so", "pytriton/client.py"):
            archive.writestr(name, "x")
    fetch_triton.unpack(wheel, tmp_path / "out")
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["nvidia_pytriton.libs/a.so", "pytriton/tritonserver/bin/tritonserver"]


def test_a_python_without_a_stub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotFetch, match="no stub for Python"):
        fetch_triton.place_stub(tmp_path)
