"""Faces in the frame: batch by batch, with holes and noise of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.data.drawn import DrawnFaces
from training.data.holes import seeded_hole
from training.data.sketches import Sketches, save_sketches
from training.framed import FramedFaces, frame_faces

DRAWN = DrawnFaces(5, 64, seed=2)


def test_holes_may_be_of_peoples_drawings(tmp_path: Path) -> None:
    save_sketches(tmp_path / "x.safetensors", [[np.array([[0, 0.5], [1, 0.5]], np.float32)]])
    faces = frame_faces(DRAWN, 64, 2, Sketches(tmp_path / "x.safetensors"))
    hole = next(faces.batches(2)).under("quickdraw", 3).hole
    assert bool((hole[:, 0, 32] == 1).all())
    drawn = next(frame_faces(DRAWN, 64, 2).batches(2)).under("quickdraw", 3).hole
    assert not torch.equal(hole, drawn)


def test_faces_are_brought_to_the_frame_when_they_are_asked_for() -> None:
    faces = frame_faces(DRAWN, 256)
    batches = list(faces.batches(2))
    assert [list(batch.places) for batch in batches] == [[0, 1], [2, 3], [4]]
    assert batches[0].image.shape == (2, 3, 256, 256)
    assert batches[0].image.dtype == torch.uint8
    assert np.allclose(batches[0].landmarks[1].numpy(), (DRAWN.landmarks(1) + 0.5) * 4 - 0.5, atol=1e-3)
    assert len(frame_faces(DRAWN, 64, 2)) == 2
    assert len(frame_faces(DRAWN, 64, 9)) == 5


def test_the_reference_of_a_face_is_the_next_one_of_the_row() -> None:
    row = FramedFaces(DRAWN, 64, [3, 0, 2])
    whole = next(row.batches(3))
    assert np.array_equal(whole.image[1].permute(1, 2, 0), DRAWN.image(0))
    assert torch.equal(whole.reference, whole.image.roll(-1, dims=0))
    parts = torch.cat([batch.reference for batch in row.batches(2)])
    assert torch.equal(parts, whole.reference)


def test_holes_and_noise_depend_on_seed_and_place_alone() -> None:
    faces = frame_faces(DRAWN, 64)
    whole = next(faces.batches(5)).under("20-40", seed=7)
    for index, hole in enumerate(whole.hole[:, 0].numpy()):
        assert np.array_equal(hole, seeded_hole("20-40", 7, index, 64, DRAWN.landmarks(index)))
    parts = [batch.under("20-40", seed=7) for batch in faces.batches(2)]
    assert torch.equal(torch.cat([part.hole for part in parts]), whole.hole)
    assert sum((part.noise_seeds for part in parts), ()) == whole.noise_seeds
    assert len(set(whole.noise_seeds)) == 5


def test_another_sample_has_the_same_holes_and_other_noise() -> None:
    batch = next(frame_faces(DRAWN, 64).batches(5))
    one, other = batch.under("eyes", seed=1), batch.under("eyes", seed=1, sample=1)
    assert torch.equal(one.hole, other.hole)
    assert not set(one.noise_seeds) & set(other.noise_seeds)


def test_the_truth_stays_whole_while_the_given_image_is_emptied() -> None:
    batch = next(frame_faces(DRAWN, 64).batches(2))
    given = batch.under("center", seed=0)
    assert not (given.image * given.hole).any()
    assert np.array_equal(batch.image[0].permute(1, 2, 0), DRAWN.image(0))
    assert torch.equal(given.image * (1 - given.hole), batch.image * (1 - given.hole))
