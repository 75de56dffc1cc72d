"""What networks were trained with, as snapshots, runs and cards say it."""

import json
from pathlib import Path

import pytest

from training.budget import images_seen, minutes, minutes_on_card
from training.cards import leaf_card

MODELS = Path("model_repository")
PAPERS = ("gfc", "lafin", "dsa", "reference", "showface")
SHIPPED = sorted(file.parent for room in PAPERS for file in MODELS.glob(f"{room}*/snapshot.safetensors"))


def test_minutes_follow_from_the_lines_of_a_training(tmp_path: Path) -> None:
    lines = [{"images_seen": 600, "images_per_second": 10}, {"images_seen": 1200, "images_per_second": 20}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert minutes(tmp_path) == "1.5"
    assert minutes(tmp_path / "absent") is None


@pytest.mark.parametrize(("spent", "found"), [("12.5", "12.5"), ("12 on one GPU", "12 on one GPU"), (None, None)])
def test_a_card_that_an_export_writes_is_read_again(tmp_path: Path, spent: str | None, found: str | None) -> None:
    (tmp_path / "card.md").write_text(leaf_card("gfc_generator", {"images_seen": "600"}, None, "0" * 64, spent))
    assert minutes_on_card(tmp_path / "card.md") == found


def test_what_no_card_says_is_not_known(tmp_path: Path) -> None:
    assert minutes_on_card(tmp_path / "card.md") is None


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.name)
def test_every_shipped_snapshot_of_a_paper_says_its_images_and_its_card_the_minutes(model: Path) -> None:
    assert (images_seen(model / "snapshot.safetensors") or 0) > 1000
    assert minutes_on_card(model / "card.md") is not None
