"""The shipped snapshots are seen to work on the sample photograph, by the shipped parser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.sample import row_of, sample_face
from training.checkpoint import load_snapshot
from training.data.parsing import SHOWFACE
from training.framed import FramedFaces
from training.given import Answer, Given, System
from training.masking import complete
from training.options import SHIPPED_REPOSITORY
from training.slot_use import BANK, FILLED, WRITES, uses_of
from training.systems import Repository, open_system

SHIPPED = Repository(SHIPPED_REPOSITORY, {})
MODELS = ("showface_coarse", "showface_refiner")
MOST_BYTES = 12_000_000
LEAST_SHARE = 0.4  # of the pixels that the part has in the photograph
LEAST_IN_USE = 8  # of 128 slots


@pytest.fixture(scope="module")
def faces() -> FramedFaces:
    """The sample, and its mirror image."""
    face = sample_face()
    return row_of(face, np.ascontiguousarray(face[:, ::-1]))


@pytest.fixture(scope="module")
def system() -> System:
    return open_system("showface", SHIPPED)


@pytest.fixture(scope="module")
def parser() -> nn.Module:
    return SHIPPED.open("parser")


def completed_under(kind: str, faces: FramedFaces, system: System) -> list[tuple[Given, Answer, Tensor]]:
    """Of each face: what was given, what the system made of it, the completed picture."""
    made = []
    with torch.no_grad():
        for batch in faces.batches(1):
            given = batch.under(kind, 0)
            answer = system(given)
            assert answer.raw is not None
            made.append((given, answer, complete(answer.raw, batch.image, given.hole)))
    return made


@torch.no_grad()
def pixels_of(part: str, picture: Tensor, where: Tensor, parser: nn.Module) -> int:
    return int(((parser(picture) == SHOWFACE.index(part)) * where).sum())


@pytest.mark.parametrize(("kind", "part"), [("eyes", "eyes"), ("center", "eyes"), ("center", "nose"), ("O6", "nose")])
def test_parts_that_are_hidden_come_back(
    kind: str, part: str, faces: FramedFaces, system: System, parser: nn.Module
) -> None:
    """A parser that has not painted them finds them in the hole."""
    for (given, _, picture), batch in zip(completed_under(kind, faces, system), faces.batches(1), strict=True):
        hidden = pixels_of(part, batch.image, given.hole, parser)
        assert hidden > 100
        assert pixels_of(part, picture, given.hole, parser) > LEAST_SHARE * hidden


@pytest.mark.parametrize("kind", ["20-40", "center"])
def test_what_is_refined_has_more_detail_than_the_coarse_face(kind: str, faces: FramedFaces, system: System) -> None:
    for given, answer, picture in completed_under(kind, faces, system):
        assert answer.coarse is not None
        coarse = complete(answer.coarse, picture, given.hole)
        assert roughness(picture, given.hole) > 1.1 * roughness(coarse, given.hole)


def roughness(picture: Tensor, hole: Tensor) -> float:
    """Mean difference of neighbours inside the hole, grey levels."""
    grey, inside = picture.float().mean(1, keepdim=True), hole > 0
    across = (grey[..., 1:] - grey[..., :-1]).abs()[(inside[..., 1:] & inside[..., :-1])]
    return float(across.mean())


def test_the_memory_has_learnt() -> None:
    state, _ = load_snapshot(SHIPPED_REPOSITORY / "showface_refiner" / "snapshot.safetensors")
    uses = uses_of(state[BANK], state[FILLED], state[WRITES])
    assert [use.name for use in uses] == list(SHOWFACE)
    assert {use.name: use.in_use for use in uses if use.in_use < LEAST_IN_USE} == {}


def test_they_are_small() -> None:
    files = [SHIPPED_REPOSITORY / model / "snapshot.safetensors" for model in MODELS]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
