"""The table and the figures of `training.evaluate --model finder`."""

from __future__ import annotations

from pathlib import Path

from training.data.faces import Faces
from training.errors import OptionError
from training.papers.finder.cascade import NAME as CASCADE
from training.papers.finder.cascade import cascade
from training.papers.finder.measuring import FOUND_ABOVE, SEEN_ABOVE, Count, finding, measure
from training.papers.finder.scenes import Composer
from training.papers.finder.serving import FRAME_PIXELS
from training.papers.finder.sources import SceneFaces
from training.report import Table, number
from training.systems import Repository

FINDERS = ("finder",)  # deployed models that are measured by the faces they find
SCENES = 200  # composed for each row


def report_finder(
    name: str,
    models: Repository,
    faces: Faces,
    scenes: Path | None,
    people: Path | None,
    count: int | None,
    baseline: str | None = None,
) -> dict[str, object]:
    """Measure on pictures kept apart, print one row for each trial; the figures for JSON. Raises OptionError.

    With the baseline "cascade" OpenCV's is asked for the same pictures.
    """
    if scenes is None:
        raise OptionError(f"--model {name} needs pictures without a face: name their folder with --scenes")
    apart = SceneFaces(faces, scenes, people, held_out=True)
    composer = Composer(apart.heads, apart.backdrops, None, FRAME_PIXELS)
    if baseline not in (None, CASCADE):
        raise OptionError(f"--baseline {baseline}: beside {name} stands {CASCADE}")
    finds = {"": finding(models.open(name), device=models.device)} | ({f"{CASCADE} ": cascade()} if baseline else {})
    asked = f"{FOUND_ABOVE} and more, {SEEN_ABOVE} where nothing of it is missing"
    print(f"{len(faces)} faces, {len(apart.backdrops)} pictures without one; found: score {asked}")
    heads = [head for who in finds for head in (f"{who}recall %", "of", f"{who}false in 100 pictures", "of")]
    table, rows = Table("faces", *heads), []
    together = [measure(find, composer, apart.people, count or SCENES) for find in finds.values()]
    for same in zip(*together, strict=True):
        table.row(same[0][0], *(figure for _, one in same for figure in figures_of(one)))
        rows += [entry_of(f"{who}{row}", one) for who, (row, one) in zip(finds, same, strict=True)]
    weights = models.fingerprints([name])
    scores = {"found_above": FOUND_ABOVE, "seen_above": SEEN_ABOVE}
    return {"model": name, "frame_pixels": FRAME_PIXELS, "weights": weights, **scores, "rows": rows}


def figures_of(one: Count) -> tuple[str, str, str, str]:
    """The cells of a row: recall, of how many faces, false finds in 100 pictures, of how many."""
    return (number(100 * one.recall, 1), str(one.there), number(one.false_of_100_pictures, 1), str(one.pictures))


def entry_of(row: str, one: Count) -> dict[str, object]:
    """The same for JSON."""
    return {"row": row, "recall": one.recall, "faces": one.there, "false": one.false, "pictures": one.pictures}
