"""The shipped snapshots obey attributes and references on the sample photograph, as a judge trained apart sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tests.golden
from tests.training.sample import row_of, sample_face
from training import load_model
from training.checkpoint import load_metadata, load_snapshot
from training.data.drawn import draw_face
from training.data.holes import seeded_hole
from training.framed import FramedFaces
from training.options import SHIPPED_REPOSITORY
from training.papers.reference.attributes import RATINGS, names
from training.papers.reference.comparing import VISIBLE, Apart, Pair, apart, read_all
from training.papers.reference.measuring import Sweep, sweep
from training.papers.reference.serving import load_judge
from training.papers.reference.snapshots import names_in
from training.reference_models import open_extractor, open_generator
from training.systems import Repository

SHIPPED = Repository(SHIPPED_REPOSITORY, {})
JUDGE = Path(tests.golden.__file__).with_name("reference_judge.safetensors")
MODELS = ("reference_extractor", "reference_generator")
MOST_BYTES = 12_000_000
# Of 2: what the judge must see between -1 and 1, about half of what it saw when the weights were put here.
LEAST_RISES = {"gender": 0.13, "age": 0.13, "happy": 0.5, "skin-color": 0.14, "weight": 0.15}
LEAST_STEP = 0.02  # from each of five intensities to the next
DRAWN_SEED = 3  # a drawn face that does not smile
PORTRAIT, MIRRORED, DRAWN = 0, 1, 2  # places in the row


@pytest.fixture(scope="module")
def faces() -> FramedFaces:
    """The sample, its mirror image, and a drawn face."""
    face = sample_face()
    drawn = np.asarray(draw_face(DRAWN_SEED, face.shape[0]).image)
    return row_of(face, np.ascontiguousarray(face[:, ::-1]), drawn)


@pytest.fixture(scope="module")
def swept(faces: FramedFaces) -> dict[str, Sweep]:
    """What the judge reads of the portrait and its mirror image, under three kinds of holes."""
    extractor, known = open_extractor(SHIPPED)
    judge = load_judge(load_snapshot(JUDGE)[0])
    both, kinds = faces.first(DRAWN), ("O6", "40-60", "center")
    rows = sweep(extractor, open_generator(SHIPPED, known), judge, known, both, kinds, 0)
    return {row.attribute: row for row in rows}


def test_the_judge_is_another_network_than_those_that_taught_the_generator() -> None:
    state, told = load_snapshot(JUDGE)
    assert (told["part"], told["network"], names_in(state)) == ("judge", "auxiliary", names(RATINGS))
    assert [load_metadata(SHIPPED.file(model))["part"] for model in MODELS] == ["generator", "generator"]


@pytest.mark.parametrize("attribute", LEAST_RISES)
def test_more_of_an_attribute_is_seen_as_more_of_it(attribute: str, swept: dict[str, Sweep]) -> None:
    """Step by step in the mean, and from end to end on every face under every hole."""
    found = swept[attribute]
    assert found.smallest_step >= LEAST_STEP
    assert found.rise >= LEAST_RISES[attribute]
    assert found.faces_percent == 100


def parted(faces: FramedFaces, kind: str, pair: Pair) -> Apart:
    """How far the portrait and its mirror image differ when the two references of the pair guide."""
    extractor, known = open_extractor(SHIPPED)
    attributes = read_all(extractor, faces)
    return apart(open_generator(SHIPPED, known), attributes, faces.first(DRAWN), kind, 0, lambda _: pair, "")


@pytest.mark.parametrize(("kind", "part", "least"), [("O6", "mouth", 2), ("center", "eyes", 1.5), ("eyes", "eyes", 1)])
def test_two_references_make_visibly_different_parts(kind: str, part: str, least: float, faces: FramedFaces) -> None:
    """By so many times what counts as visible; a person and her mirror image ask for nearly the same."""
    assert getattr(parted(faces, kind, (PORTRAIT, DRAWN)), part) > least * VISIBLE
    assert getattr(parted(faces, kind, (PORTRAIT, MIRRORED)), part) < 0.5 * VISIBLE


@pytest.mark.parametrize("kind", ["O6", "40-60"])
def test_a_reference_changes_the_hole_and_nothing_else(kind: str, faces: FramedFaces) -> None:
    image, guide = (faces.faces.image(place) for place in (PORTRAIT, DRAWN))
    hole = seeded_hole(kind, 0, 0, faces.frame_pixels, faces.faces.landmarks(PORTRAIT), None)
    model = load_model("reference_guided")
    own, guided = (model(image, hole, reference=reference) for reference in (image, guide))
    assert (own[hole == 0] == image[hole == 0]).all()
    assert (guided[hole == 0] == image[hole == 0]).all()
    assert np.abs(own[hole == 1].astype(int) - guided[hole == 1]).mean() > 2
    assert np.abs(own[hole == 1].astype(int) - image[hole == 1]).mean() > 2


@torch.no_grad()
def test_a_smile_is_read_from_the_photograph_and_from_what_a_hole_leaves_of_it(faces: FramedFaces) -> None:
    extractor, known = open_extractor(SHIPPED)
    happy = known.index("happy")
    smiling, drawn = (float(read_all(extractor, faces)[place, happy]) for place in (PORTRAIT, DRAWN))
    assert smiling > 0.4
    assert drawn < 0
    batch = next(faces.first(1).batches(1))
    seen = batch.under("eyes", 0)
    assert float(extractor(seen.image, seen.hole)[0, happy]) > 0.4


def test_they_are_small() -> None:
    assert sum(SHIPPED.file(model).stat().st_size for model in MODELS) <= MOST_BYTES
