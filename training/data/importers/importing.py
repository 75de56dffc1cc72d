"""From a data set to a prepared folder, picture by picture; broken off, the same call goes on where it stopped.

What is done stands line by line in OUTPUT/.importing/journal.jsonl, which goes when the folder is whole: faces.csv is
written last. What was left out, and why, is told by OUTPUT/manifest.csv.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.checkpoint import write_atomically
from training.data.checks import check_points
from training.data.frames import FrameError
from training.data.importers.source import ImportedFace, Points, Source, Unusable
from training.data.listing import CLASSES_FILE, LANDMARKS_FILE, MAPS, PICTURES
from training.data.parsing import CLASS_SETS, mirror_table
from training.data.table import FACES_FILE, NAME, SPLIT, DataError

IMPORTING, JOURNAL = ".importing", "journal.jsonl"
MANIFEST_FILE = "manifest.csv"
JPEG_QUALITY = 95
VALIDATION_SHARE = 1 / 20  # of faces whose data set has no splits
LONGEST_LINE_BYTES = 1 << 24  # of the journal
DECIMALS = 3  # of landmarks, in pixels


@dataclass(frozen=True)
class Imported:
    """What came of an import: counts of faces and, by reason, of pictures that were left out."""

    faces: int
    left_out: Counter[str]


def import_faces(
    source: Source, names: list[str], points: Points, output: Path, pixels: int, options: dict[str, str]
) -> Imported:
    """Writes or completes a prepared folder. A picture that cannot be used is left out.

    `options` are what the user asked for: the folder can only be completed with the same ones. Raises DataError.
    """
    journal = open_journal(output, options | {"pixels": str(pixels), "landmarks": points.description})
    done = {entry["picture"] for entry in read_journal(journal)}
    left = [name for name in names if name not in done]
    with journal.open("a") as lines:
        for name in tqdm(left, "importing", len(names), initial=len(names) - len(left), unit="picture"):
            lines.write(json.dumps(import_picture(source, name, points, output, pixels)) + "\n")
            lines.flush()
    return finish(source, set(names), journal, output)


def open_journal(output: Path, options: dict[str, str]) -> Path:
    """The journal, which begins with the options. Raises DataError for a folder that holds anything else."""
    journal = output / IMPORTING / JOURNAL
    if (output / FACES_FILE).exists():
        shutil.rmtree(output / IMPORTING, ignore_errors=True)  # of an import that ended in its very last step
        raise DataError(f"{output / FACES_FILE} exists: name a new folder")
    if journal.exists():
        drop_broken_line(journal)
        require_same(output, journal, options)
    else:
        if output.is_dir() and any(path.name not in (IMPORTING, PICTURES) for path in output.iterdir()):
            raise DataError(f"{output} holds other files: name a new folder")
        if (output / PICTURES).is_dir() and any((output / PICTURES).iterdir()):
            raise DataError(f"{output / PICTURES} holds pictures already: name a new folder")
        for folder in (PICTURES, f"{IMPORTING}/{MAPS}"):
            (output / folder).mkdir(parents=True, exist_ok=True)
        write_atomically(journal, lambda beside: beside.write_text(json.dumps(options) + "\n"))
    return journal


def drop_broken_line(journal: Path) -> None:
    """Cut off what stands behind the last end of a line."""
    with journal.open("r+b") as lines:
        end = lines.seek(0, os.SEEK_END)
        lines.seek(max(0, end - LONGEST_LINE_BYTES))
        tail = lines.read()
        lines.truncate(end - len(tail) + tail.rfind(b"\n") + 1)


def require_same(output: Path, journal: Path, options: dict[str, str]) -> None:
    """DataError unless the import was begun with the same options."""
    with journal.open() as lines:
        begun = json.loads(next(lines))
    for key in sorted(begun.keys() | options.keys()):
        if begun.get(key) != options.get(key):
            raise DataError(
                f"{output} was begun with {key} {begun.get(key)}, not {options.get(key)}: "
                "take the same options or name a new folder"
            )


def read_journal(journal: Path) -> Iterator[dict[str, Any]]:
    """One entry for each picture that is done; landmarks and numbers of its faces are arrays."""
    with journal.open() as lines:
        next(lines)
        for line in lines:
            entry = json.loads(line)
            for face in entry.get("faces", []):
                face["landmarks"] = np.array(face["landmarks"], np.float32)
                face["numbers"] = np.array(face["numbers"], np.float32)
            yield entry


def import_picture(source: Source, name: str, points: Points, output: Path, pixels: int) -> dict[str, Any]:
    """The journal's entry of a picture: its faces, whose pictures and maps are written, or why it was left out."""
    try:
        found = source.faces(name, pixels, points)
        wrong = [" ".join(check_points(face.name, face.landmarks, pixels)) for face in found]
        faces = [face for face, fault in zip(found, wrong, strict=True) if not fault]
        if not faces:
            raise Unusable("unlikely landmarks", wrong[0])
    except Unusable as error:
        return {"picture": name, "reason": error.reason, "left_out": str(error)}
    except FrameError as error:
        return {"picture": name, "reason": "no eyes or no mouth", "left_out": str(error)}
    for face in faces:
        write_picture(output / PICTURES / f"{face.name}.jpg", np.ascontiguousarray(face.picture[..., ::-1]))
        if face.parsing is not None:
            write_picture(output / IMPORTING / MAPS / f"{face.name}.png", face.parsing)
    return {"picture": name, "faces": [entry_of(face, source.parsing_classes) for face in faces]}


def entry_of(face: ImportedFace, classes: int | None) -> dict[str, Any]:
    vote = 0 if face.parsing is None or classes is None else sides_vote(face.parsing, classes)
    landmarks = np.round(face.landmarks.astype(np.float64), DECIMALS).tolist()
    return {"name": face.name, "landmarks": landmarks, "split": face.split, "numbers": face.numbers, "vote": vote}


def finish(source: Source, names: set[str], journal: Path, output: Path) -> Imported:
    """Everything that needs all faces. It can be done again until the journal goes. Raises DataError without a face."""
    entries = [entry for entry in read_journal(journal) if entry["picture"] in names]
    left_out = Counter(entry["reason"] for entry in entries if "reason" in entry)
    faces = [face for entry in entries for face in entry.get("faces", [])]
    if not faces:
        shutil.rmtree(output / IMPORTING)
        (output / PICTURES).rmdir()
        raise DataError(f"no face could be imported: {entries[0]['left_out']}")
    if source.parsing_classes is not None:
        write_maps(output, faces, source.parsing_classes)
    write_manifest(output / MANIFEST_FILE, entries)
    np.save(output / LANDMARKS_FILE, np.stack([face["landmarks"] for face in faces]))
    write_table(output, faces, source.columns())
    shutil.rmtree(output / IMPORTING)
    return Imported(len(faces), left_out)


def write_table(output: Path, faces: list[dict[str, Any]], columns: list[str]) -> None:
    """faces.csv, at once as a whole."""
    splits = settle_splits([face["name"] for face in faces], [face["split"] for face in faces])
    unfinished = output / IMPORTING / FACES_FILE
    with unfinished.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow([NAME, SPLIT, *columns])
        for face, split in zip(faces, splits, strict=True):
            table.writerow([face["name"], split, *(f"{number:g}" for number in face["numbers"])])
    unfinished.replace(output / FACES_FILE)


def write_manifest(file: Path, entries: list[dict[str, Any]]) -> None:
    """Each picture: the names of its faces, or why it was left out."""
    rows = [
        [entry["picture"], " ".join(face["name"] for face in entry.get("faces", [])), entry.get("left_out", "")]
        for entry in entries
    ]
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([["picture", "faces", "left_out"], *rows])


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


def settle_splits(names: list[str], stated: list[str | None]) -> list[str]:
    """The data set's splits. Where it has none, or none of these faces is for training or for validation, a twentieth
    of the faces, at least one, is for validation, chosen by a hash of the name.
    """
    splits = [split for split in stated if split is not None]
    if len(splits) == len(names) and {"train", "validation"} <= set(splits):
        return splits
    count = max(1, round(VALIDATION_SHARE * len(names))) if len(names) > 1 else 0
    chosen = set(sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:count])
    return ["validation" if name in chosen else "train" for name in names]


def sides_vote(parsing: NDArray[np.uint8], classes: int) -> int:
    """Whose left a data set means: 1 if this face's left eye is the subject's, -1 if the viewer's, 0 if one is missing.

    Faces stand upright in their frame, so the subject's left eye is the one further right in the picture.
    """
    names = CLASS_SETS[classes]
    columns = [np.nonzero(parsing == names.index(f"{side}_eye"))[1] for side in ("left", "right")]
    if not all(len(one) for one in columns):
        return 0
    return int(np.sign(columns[0].mean() - columns[1].mean()))


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """JPEG or PNG by the name's ending, blue first. Raises DataError."""
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
        raise DataError(f"{path} could not be written")
