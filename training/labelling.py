"""Parsing maps of faces that have none, by a trained parser: what `training.prepare label` does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from training.data.faces import FaceFolder
from training.data.importers.agreement import require_agreement
from training.data.importers.importing import write_picture
from training.data.importers.source import Unusable
from training.data.listing import CLASSES_FILE, LANDMARKS_FILE, MAPS, PICTURES, list_folder
from training.data.parsing import CLASS_SETS, mirror_table
from training.data.table import FACES_FILE, DataError
from training.frozen.parsers import FaceParser

FRAME_PIXELS = 256  # what a parser sees that does not say what it was trained on


def label_faces(folder: Path, parser: FaceParser, output: Path, device: str = "cpu") -> FaceFolder:
    """A prepared folder with the faces of `folder` and the maps that the parser gives them. Raises DataError.

    faces.csv is written last: a folder without it was broken off, and the same call begins it anew.
    """
    if (output / FACES_FILE).exists():
        raise DataError(f"{output / FACES_FILE} exists: name a new folder")
    faces = FaceFolder(folder)
    listing = list_folder(folder)
    for inside in (PICTURES, MAPS):
        (output / inside).mkdir(parents=True, exist_ok=True)
    classes = 0
    parser = parser.to(device).eval()
    for index in tqdm(range(len(faces)), "labelling", unit="face"):
        picture = listing.find(PICTURES, faces.name(index))
        assert picture is not None, "was there when the folder was packed"
        shutil.copyfile(folder / picture, output / picture)
        logits = look_twice(parser, faces.image(index), device)
        classes = logits.shape[0]
        write_picture(output / MAPS / f"{faces.name(index)}.png", logits.argmax(dim=0).byte().cpu().numpy())
    (output / MAPS / CLASSES_FILE).write_text("\n".join(CLASS_SETS[classes]) + "\n")
    for name in (LANDMARKS_FILE, FACES_FILE):
        shutil.copyfile(folder / name, output / name)
    return FaceFolder(output)


def disagreeing(faces: FaceFolder) -> list[str]:
    """Names of the faces whose maps have eyes or mouth elsewhere than the landmarks: perhaps they are none."""
    names = []
    for index in range(len(faces)):
        parsing = faces.parsing(index)
        assert parsing is not None, "was just labelled"
        try:
            require_agreement(faces.landmarks(index), parsing, faces.parsing_classes)
        except Unusable:
            names.append(faces.name(index))
    return names


@torch.no_grad()
def look_twice(parser: FaceParser, picture: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """Mean log probabilities of a face and of its mirrored picture. [S,S,3] uint8 RGB -> [classes,S,S].

    Left and right classes of the mirrored one change places. Raises DataError for an unknown set of classes.
    """
    side = picture.shape[0]
    image = torch.from_numpy(np.array(picture.transpose(2, 0, 1)))[None].to(device).float() / 255
    both = torch.cat((image, image.flip(3)))
    size = [parser.pixels or FRAME_PIXELS] * 2
    seen = F.interpolate(both, size=size, mode="bilinear", align_corners=False, antialias=True)
    logits = F.interpolate(parser(seen).float(), size=(side, side), mode="bilinear", align_corners=False)
    straight, mirrored = F.log_softmax(logits, dim=1)
    if len(straight) not in CLASS_SETS:
        raise DataError(f"the parser has {len(straight)} classes; there are sets of {sorted(CLASS_SETS)}")
    partner = torch.from_numpy(mirror_table(len(straight))[: len(straight)]).long().to(device)
    mean: Tensor = (straight + mirrored.flip(2)[partner]) / 2
    return mean
