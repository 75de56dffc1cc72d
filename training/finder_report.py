"""The table and the figures of `training.evaluate --model finder`."""

from __future__ import annotations

from pathlib import Path

from training.data.faces import Faces
from training.errors import OptionError
from training.papers.finder.measuring import FOUND_ABOVE, finding, measure
from training.papers.finder.scenes import Composer
from training.papers.finder.serving import FRAME_PIXELS
from training.papers.finder.sources import SceneFaces
from training.report import Table, number
from training.systems import Repository

FINDERS = ("finder",)  # deployed models that are measured by the faces they find
SCENES = 200  # composed for each row


def report_finder(
    name: str, models: Repository, faces: Faces, scenes: Path | None, people: Path | None, count: int | None
) -> dict[str, object]:
    """Measure on pictures kept apart, print one row for each trial; the figures for JSON. Raises OptionError."""
    if scenes is None:
        raise OptionError(f"--model {name} needs pictures without a face: name their folder with --scenes")
    apart = SceneFaces(faces, scenes, people, held_out=True)
    composer = Composer(apart.heads, apart.backdrops, None, FRAME_PIXELS)
    find = finding(models.open(name), device=models.device)
    print(f"{len(faces)} faces, {len(apart.backdrops)} pictures without one; found: score {FOUND_ABOVE} and more")
    table, rows = Table("faces", "recall %", "of", "false in 100 pictures", "of"), []
    for row, one in measure(find, composer, apart.people, count or SCENES):
        figures = (number(100 * one.recall, 1), str(one.there), number(one.false_of_100_pictures, 1), str(one.pictures))
        table.row(row, *figures)
        rows.append(
            {"row": row, "recall": one.recall, "faces": one.there, "false": one.false, "pictures": one.pictures}
        )
    weights = models.fingerprints([name])
    return {"model": name, "frame_pixels": FRAME_PIXELS, "weights": weights, "found_above": FOUND_ABOVE, "rows": rows}
