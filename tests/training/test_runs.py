"""What is refused in a run folder, what goes on with a line, and that nothing is lost on the way."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from training.checkpoint import save_checkpoint, save_snapshot
from training.data.holes import Mixture
from training.recipe import Files, Part, Stage
from training.records import Record, describe
from training.runs import RunError, opened, read_record


class Line:
    """A step of one weight."""

    def __init__(self, learning_rate: float) -> None:
        self.networks = {"line": nn.Linear(1, 1)}
        self.optimizers = {"line": torch.optim.SGD(self.networks["line"].parameters(), learning_rate)}


def part(learning_rate: float = 0.1, until_images: int = 8) -> Part:
    return Part("line", lambda files: Line(learning_rate), (Stage(until_images, 32, 2),), Mixture(((1.0, "none"),)))


def record(of: Part, recipe: str = "tiny", features: Record | None = None, data: str = "d1") -> Record:
    described = describe(recipe, of, {"name": "faces", "sha256": data}, {})
    return described | {"files": {"features": features}}


def begin(run: Path, of: Part, said: Record, *, force: bool = False) -> None:
    """As far as training.train gets before the first update."""
    with opened(run, of, said, force=force) as watched:
        watched.build(Files())


def save(run: Path, images_seen: int = 4) -> None:
    """What a training leaves."""
    save_checkpoint(run / "line" / "checkpoint.pt", {"images_seen": images_seen})
    save_snapshot(run / "line" / "line.safetensors", {"w": torch.zeros(1)}, {"images_seen": str(images_seen)})
    (run / "line" / "metrics.jsonl").write_text('{"images_seen": 2}\n')


def test_a_run_says_what_it_is(tmp_path: Path) -> None:
    begin(tmp_path, part(), record(part()))
    assert json.loads((tmp_path / "run.json").read_text()) == {"recipe": "tiny"}
    said = read_record(tmp_path / "line")
    assert said is not None
    assert said["step"]["optimizers"]["line"]["groups"][0]["lr"] == 0.1
    assert said["data"] == {"name": "faces", "sha256": "d1"}
    assert [session["changes"] for session in said["sessions"]] == [[]]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["run.json", "run.json"]


def test_the_same_goes_on_and_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(tmp_path, part(), record(part()))
    save(tmp_path)
    begin(tmp_path, part(), record(part()))
    said = read_record(tmp_path / "line")
    assert said is not None
    assert len(said["sessions"]) == 2
    assert capsys.readouterr().out == ""


FEATURES = {"name": "vgg19.pth", "sha256": "feed" * 16}
CHANGES: dict[str, tuple[Callable[[], tuple[Part, Record]], str]] = {
    "another learning rate": (
        lambda: (part(0.2), record(part(0.2), features=FEATURES)),
        r"step\.optimizers\.line\.groups\[0\]\.lr was 0\.1 and is 0\.2",
    ),
    "another length": (
        lambda: (part(until_images=9), record(part(until_images=9), features=FEATURES)),
        r"until_images was 8 and is 9",
    ),
    "dropped features": (lambda: (part(), record(part())), r"files\.features was vgg19\.pth \(feedfeed\) and is none"),
    "other data": (lambda: (part(), record(part(), features=FEATURES, data="d2")), r"data was faces \(d1\) and is"),
}


@pytest.mark.parametrize(("make", "message"), CHANGES.values(), ids=CHANGES)
def test_what_was_begun_otherwise_is_refused_or_forced(
    make: Callable[[], tuple[Part, Record]], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path, part(), record(part(), features=FEATURES))
    save(tmp_path)
    before = (tmp_path / "line" / "run.json").read_bytes()
    other, said = make()
    with pytest.raises(RunError, match=message):
        begin(tmp_path, other, said)
    assert (tmp_path / "line" / "run.json").read_bytes() == before
    begin(tmp_path, other, said, force=True)
    assert "--force: " in capsys.readouterr().out
    begin(tmp_path, other, said)  # it is what the record says from now on
    now = read_record(tmp_path / "line")
    assert now is not None
    assert [len(session["changes"]) for session in now["sessions"]] == [0, 1, 0]


def test_another_recipe_in_the_folder_is_refused_or_forced(tmp_path: Path) -> None:
    begin(tmp_path, part(), record(part()))
    save(tmp_path)
    other = replace(part(), name="other")
    with pytest.raises(RunError, match="was begun with the recipe tiny, not large"):
        begin(tmp_path, other, record(other, "large"))
    begin(tmp_path, other, record(other, "large"), force=True)
    assert json.loads((tmp_path / "run.json").read_text()) == {"recipe": "large"}


def test_a_folder_without_any_work_takes_another_recipe(tmp_path: Path) -> None:
    begin(tmp_path, part(), record(part()))
    begin(tmp_path, part(0.3), record(part(0.3), "large", data="d2"))
    assert json.loads((tmp_path / "run.json").read_text()) == {"recipe": "large"}


def test_an_older_run_without_a_record_goes_on_with_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path)
    begin(tmp_path, part(), record(part()))
    assert "has no run.json: it goes on unchecked" in capsys.readouterr().out
    assert read_record(tmp_path / "line") is not None
    assert (tmp_path / "line" / "checkpoint.pt").is_file()


@pytest.mark.parametrize("recorded", [True, False])
def test_results_without_a_checkpoint_are_never_begun_anew_by_themselves(recorded: bool, tmp_path: Path) -> None:
    if recorded:
        begin(tmp_path, part(), record(part()))
    save(tmp_path)
    (tmp_path / "line" / "checkpoint.pt").unlink()
    kept = {name: (tmp_path / "line" / name).read_bytes() for name in ("line.safetensors", "metrics.jsonl")}
    with pytest.raises(RunError, match=r"holds line\.safetensors, metrics\.jsonl but no checkpoint\.pt"):
        begin(tmp_path, part(), record(part()))
    assert {name: (tmp_path / "line" / name).read_bytes() for name in kept} == kept
    begin(tmp_path, part(), record(part()), force=True)
    assert {name: (tmp_path / "line" / "earlier-1" / name).read_bytes() for name in kept} == kept
    assert not [name for name in kept if (tmp_path / "line" / name).exists()]


def test_what_was_stopped_before_its_first_checkpoint_begins_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path, part(), record(part()))
    (tmp_path / "line" / "metrics.jsonl").write_text('{"images_seen": 2}\n')
    begin(tmp_path, part(), record(part()))
    assert "stopped before its first checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_a_damaged_record_is_named(content: str, tmp_path: Path) -> None:
    begin(tmp_path, part(), record(part()))
    (tmp_path / "line" / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"line/run\.json is no record of a run"):
        begin(tmp_path, part(), record(part()))


def test_the_folder_is_held_while_it_is_trained(tmp_path: Path) -> None:
    with opened(tmp_path, part(), record(part())):
        assert (tmp_path / "line" / ".lock").is_file()
    assert not (tmp_path / "line" / ".lock").exists()
