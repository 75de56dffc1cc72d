"""Which snapshots stay."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from training.checkpoint import load_snapshot, save_snapshot
from training.keeping import BEST, BEST_BY, BEST_ERROR, Keep, best_error, keep_numbered, staying

SEEN = [4, 8, 12, 16, 20, 22, 24]  # saved every 4 images, and at a stop


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (Keep(), set()),
        (Keep(last=2), {22, 24}),
        (Keep(last=9), set(SEEN)),
        (Keep(every=2), {8, 16, 24}),
        (Keep(last=1, every=3), {12, 24}),
        (Keep(every=5), {20}),
    ],
)
def test_the_last_ones_and_each_so_many_th_stay(keep: Keep, kept: set[int]) -> None:
    assert staying(SEEN, 4, keep) == kept


def test_batches_that_do_not_divide_keep_the_first_beyond_each_multiple() -> None:
    assert staying([6, 12, 18, 24, 30], 5, Keep(every=2)) == {12, 24, 30}


def test_copies_stand_in_numbered_folders(tmp_path: Path) -> None:
    for seen in SEEN:
        for name in ("generator", "extractor"):
            save_snapshot(tmp_path / f"{name}.safetensors", {"w": torch.full((1,), float(seen))}, {})
        keep_numbered(tmp_path, ("generator", "extractor"), seen, 4, Keep(last=1, every=3))
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == ["000000012", "000000024"]
    for name in ("generator", "extractor"):
        assert load_snapshot(tmp_path / "snapshots" / "000000012" / f"{name}.safetensors")[0]["w"] == 12


def test_nothing_is_copied_unasked(tmp_path: Path) -> None:
    keep_numbered(tmp_path, ("generator",), 4, 4, Keep())
    assert list(tmp_path.iterdir()) == []


def test_the_best_is_known_by_the_figure_it_was_kept_by(tmp_path: Path) -> None:
    assert best_error(tmp_path, ("generator",), "nme") == math.inf
    metadata = {BEST_BY: "nme", BEST_ERROR: "3.5"}
    save_snapshot(tmp_path / BEST / "generator.safetensors", {"w": torch.zeros(1)}, metadata)
    assert best_error(tmp_path, ("generator",), "nme") == 3.5
    assert best_error(tmp_path, ("generator",), "loss") == math.inf
    assert best_error(tmp_path, ("generator", "extractor"), "nme") == math.inf
