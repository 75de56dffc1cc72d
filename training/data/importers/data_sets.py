"""The data sets that training.prepare imports, one command each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.data.importers.celeba import CelebA
from training.data.importers.celebamask_hq import CelebAMaskHQ
from training.data.importers.ffhq import FFHQ
from training.data.importers.helen import Helen
from training.data.importers.omi import OMI
from training.data.importers.photographs import Photographs
from training.data.importers.source import Source
from training.data.importers.three_hundred_w import ThreeHundredW
from training.data.importers.wflw import WFLW


@dataclass(frozen=True)
class Import:
    """A command that imports."""

    open: Callable[[Path], Source]
    pixels: int  # side of the pictures, unless the user says otherwise
    about: str  # for --help
    tests: int | None = None  # the last so many pictures are for tests, unless the user says otherwise
    whole: int = 0  # pictures of the whole data set, of which there may be fewer: the last ones are the last of these


IMPORTS: dict[str, Import] = {
    "celebamask-hq": Import(
        CelebAMaskHQ,
        512,
        "CelebAMask-HQ: CelebA-HQ-img/, CelebAMask-HQ-mask-anno/; 19 classes, no landmarks; 28,000 and 2,000 faces.",
    ),
    "celeba-hq": Import(
        partial(CelebAMaskHQ, masks=False), 256, "CelebA-HQ alone: CelebA-HQ-img/ and, if it is there, its attributes."
    ),
    "helen": Import(
        Helen, 256, "Helen with the labels of Smith et al. 2013: images/, labels/ and lists; 11 classes; .pts of 300-W."
    ),
    "celeba": Import(
        CelebA, 178, "CelebA's middle squares: img_align_celeba/, lists of splits, 40 attributes (-1, 1) and landmarks."
    ),
    "celeba-ffhq": Import(
        partial(CelebA, frame="ffhq"), 178, "CelebA, laid by its five landmarks as FFHQ's faces are."
    ),
    "ffhq": Import(
        FFHQ,
        256,
        "FFHQ: images1024x1024/; landmarks of ffhq-dataset-v2.json; --tests 2000 is ShowFace's.",
        tests=10_000,
        whole=70_000,
    ),
    "300w": Import(
        ThreeHundredW, 256, "300W: afw/, helen/, lfpw/, ibug/ with .pts files; columns common, challenging and full."
    ),
    "wflw": Import(WFLW, 256, "WFLW: WFLW_images/, WFLW_annotations/; 98 landmarks; a column for each subset."),
    "wflw-68": Import(partial(WFLW, count=68), 256, "WFLW with the 68 landmarks that stand among the 98."),
    "omi": Import(OMI, 256, "One Million Impressions: images/, attribute_ratings.csv; 34 ratings, no landmarks."),
    "folder": Import(
        Photographs, 256, "Any folder of photographs, and those below it: faces are found and aligned as FFHQ's are."
    ),
}
