"""From a data set to a prepared folder, on all cores; broken off, the same call goes on where it stopped.

What is done stands line by line in a journal, which goes when the folder is whole: faces.csv is written last. What was
left out, and why, is told by OUTPUT/manifest.csv and manifest.json.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.checks import check_points
from training.data.cores import usable_cores
from training.data.frames import FrameError
from training.data.importers.agreement import require_agreement
from training.data.importers.journal import IMPORTING, open_journal, read_journal
from training.data.importers.manifest import MANIFEST_FILE, digest, left_out, write_about, write_manifest
from training.data.importers.source import ImportedFace, Points, Source, Unusable
from training.data.importers.splits import settle_splits
from training.data.in_order import in_order
from training.data.listing import CLASSES_FILE, LANDMARKS_FILE, MAPS, PICTURES
from training.data.parsing import CLASS_SETS, mirror_table
from training.data.table import FACES_FILE, NAME, SPLIT, DataError

JPEG_QUALITY = 95
DECIMALS = 3  # of landmarks, in pixels


@dataclass(frozen=True)
class Wishes:
    """How a data set is imported."""

    pixels: int  # side of the pictures
    told: dict[str, str]  # what the user asked for; a folder can only be completed with the same
    tests: Container[str] = ()  # pictures that are for tests, whatever the data set says
    strict: bool = False  # the first picture that cannot be used ends the import
    workers: int | None = None  # pictures at once; None: as many as there are cores


@dataclass(frozen=True)
class Imported:
    """What came of an import: counts of faces and, by reason, of pictures that were left out."""

    faces: int
    left_out: Counter[str]


def import_faces(source: Source, names: list[str], points: Points, output: Path, wishes: Wishes) -> Imported:
    """Writes or completes a prepared folder. A picture that cannot be used is left out. Raises DataError."""
    told = wishes.told | {"pixels": str(wishes.pixels), "landmarks": points.description}
    journal = open_journal(output, told)
    done = {}
    for entry in read_journal(journal):
        refuse_if(strict=wishes.strict, entry=entry)
        done[entry["picture"]] = True
    left = [name for name in names if name not in done]
    work = partial(import_picture, source, points, output, wishes)
    bar = tqdm(total=len(names), initial=len(names) - len(left), desc="importing", unit="picture")
    with bar, journal.open("a") as lines:
        for entry in in_order(work, left, wishes.workers or usable_cores()):
            refuse_if(strict=wishes.strict, entry=entry)
            lines.write(json.dumps(entry) + "\n")
            lines.flush()
            bar.update()
    return finish(source, set(names), journal, output, told)


def refuse_if(*, strict: bool, entry: dict[str, Any]) -> None:
    """DataError for a picture that was left out, where nothing may be."""
    if strict and "reason" in entry:
        raise DataError(f"--strict, and {entry['picture']} cannot be used: {left_out(entry)}")


def import_picture(source: Source, points: Points, output: Path, wishes: Wishes, name: str) -> dict[str, Any]:
    """The journal's entry of a picture: its faces, whose pictures and maps are written, or why it was left out."""
    try:
        found = source.faces(name, wishes.pixels, points)
        faces = usable(found, wishes.pixels, source.parsing_classes)
    except Unusable as error:
        return {"picture": name, "reason": error.reason, "left_out": str(error)}
    except FrameError as error:
        return {"picture": name, "reason": "no eyes or no mouth", "left_out": str(error)}
    if name in wishes.tests:
        faces = [replace(face, split="test") for face in faces]
    return {"picture": name, "faces": [write_face(face, source.parsing_classes, output) for face in faces]}


def usable(faces: list[ImportedFace], pixels: int, classes: int | None) -> list[ImportedFace]:
    """Those whose landmarks may be a face's, and lie where the parsing map says. Raises Unusable if none is left."""
    good: list[ImportedFace] = []
    reasons: list[Unusable] = []
    for face in faces:
        try:
            if fault := " ".join(check_points(face.name, face.landmarks, pixels)):
                raise Unusable("unlikely landmarks", fault)
            if face.parsing is not None and classes is not None:
                require_agreement(face.landmarks, face.parsing, classes)
            good.append(face)
        except Unusable as error:
            reasons.append(error)
    if not good:
        raise reasons[0]
    return good


def write_face(face: ImportedFace, classes: int | None, output: Path) -> dict[str, Any]:
    """Write picture and map of a face; what the journal says of it."""
    written = write_picture(output / PICTURES / f"{face.name}.jpg", np.ascontiguousarray(face.picture[..., ::-1]))
    if face.parsing is not None:
        write_picture(output / IMPORTING / MAPS / f"{face.name}.png", face.parsing)
    vote = 0 if face.parsing is None or classes is None else sides_vote(face.parsing, classes)
    landmarks = np.round(face.landmarks.astype(np.float64), DECIMALS).tolist()
    about = {"name": face.name, "landmarks": landmarks, "split": face.split, "numbers": face.numbers, "vote": vote}
    return about | {"sha256": digest(written)}


def finish(source: Source, names: set[str], journal: Path, output: Path, told: dict[str, str]) -> Imported:
    """Everything that needs all faces. It can be done again until the journal goes. Raises DataError without a face."""
    entries = [entry for entry in read_journal(journal) if entry["picture"] in names]
    faces = [face for entry in entries for face in entry.get("faces", [])]
    if not faces:
        shutil.rmtree(output / IMPORTING)
        (output / PICTURES).rmdir()
        raise DataError(f"no face could be imported: {commonest(entries)}")
    if source.parsing_classes is not None:
        write_maps(output, faces, source.parsing_classes)
    np.save(output / LANDMARKS_FILE, np.stack([face["landmarks"] for face in faces]))
    splits = settle_splits([face["name"] for face in faces], [face["split"] for face in faces])
    table = table_of(faces, splits, source.columns()).encode()
    write_manifest(output / MANIFEST_FILE, entries)
    lists = {str(file.relative_to(source.folder)): file for file in source.lists()}
    write_about(output, entries, splits, {"licence": source.licence, **told}, lists, table)
    unfinished = output / IMPORTING / FACES_FILE
    unfinished.write_bytes(table)
    unfinished.replace(output / FACES_FILE)
    shutil.rmtree(output / IMPORTING)
    return Imported(len(faces), Counter(entry["reason"] for entry in entries if "reason" in entry))


def commonest(entries: list[dict[str, Any]]) -> str:
    """Why most pictures were left out: in the words of the first of these."""
    ((reason, count),) = Counter(entry["reason"] for entry in entries).most_common(1)
    first = next(entry for entry in entries if entry["reason"] == reason)
    return f"{left_out(first)} ({count:,} of {len(entries):,} pictures)"


def table_of(faces: list[dict[str, Any]], splits: list[str], columns: list[str]) -> str:
    """faces.csv; what is no number is an empty cell."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([NAME, SPLIT, *columns])
    for face, split in zip(faces, splits, strict=True):
        cells = ("" if np.isnan(number) else f"{number:g}" for number in face["numbers"])
        table.writerow([face["name"], split, *cells])
    return text.getvalue()


def write_maps(output: Path, faces: list[dict[str, Any]], classes: int) -> None:
    """The parsing maps. If most faces say that the data set's left is the viewer's, left and right change places."""
    (output / MAPS).mkdir(exist_ok=True)
    (output / MAPS / CLASSES_FILE).write_text("\n".join(CLASS_SETS[classes]) + "\n")
    table = mirror_table(classes) if sum(face["vote"] for face in faces) < 0 else None
    for face in faces:
        path = f"{MAPS}/{face['name']}.png"
        if table is None:
            shutil.copyfile(output / IMPORTING / path, output / path)
        else:
            stored = cv2.imread(str(output / IMPORTING / path), cv2.IMREAD_UNCHANGED)
            assert stored is not None
            write_picture(output / path, table[stored])


def sides_vote(parsing: NDArray[np.uint8], classes: int) -> int:
    """Whose left a data set means: 1 if this face's left eye is the subject's, -1 if the viewer's, 0 if one is missing.

    Faces stand upright in their frame, so the subject's left eye is the one further right in the picture.
    """
    names = CLASS_SETS[classes]
    columns = [np.nonzero(parsing == names.index(f"{side}_eye"))[1] for side in ("left", "right")]
    if not all(len(one) for one in columns):
        return 0
    return int(np.sign(columns[0].mean() - columns[1].mean()))


def write_picture(path: Path, picture: NDArray[np.uint8]) -> bytes:
    """JPEG or PNG by the name's ending, blue first; what was written. Raises OSError."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    encoded, stored = cv2.imencode(path.suffix, picture, quality)
    assert encoded, path
    path.write_bytes(stored.tobytes())
    return stored.tobytes()
