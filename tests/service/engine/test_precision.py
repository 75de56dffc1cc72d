from __future__ import annotations

import zipfile
from pathlib import Path

from service.engine.precision import read_precisions


def write(folder: Path, entries: dict[str, str]) -> None:
    """An archive as TorchScript is one: every entry below the file's own name."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        for name, text in {"data.pkl": "", **entries}.items():
            archive.writestr(f"model/{name}", text)


def test_each_file_says_its_precision(tmp_path: Path) -> None:
    write(tmp_path / "generator" / "1", {"extra/precision": "bfloat16"})
    write(tmp_path / "predictor" / "1", {})
    assert read_precisions(tmp_path, ["generator", "predictor"]) == {"generator": "bfloat16", "predictor": "float32"}


def test_the_highest_version_counts(tmp_path: Path) -> None:
    for version, precision in (("9", "float32"), ("10", "float16"), ("old", "bfloat16")):
        write(tmp_path / "generator" / version, {"extra/precision": precision})
    assert read_precisions(tmp_path, ["generator"]) == {"generator": "float16"}


def test_what_has_no_readable_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "ensemble" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "model.pt").write_bytes(b"no archive")
    assert read_precisions(tmp_path, ["ensemble", "broken", "missing"]) == {}
