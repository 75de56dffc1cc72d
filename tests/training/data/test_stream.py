import itertools

import numpy as np
import pytest
import torch

from training.data import parsing as parsings
from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.data.holes import Mixture
from training.data.parsing import HELEN
from training.data.stream import Batch, FaceStream, StreamSampler, batches
from training.data.transforms import Jitter

FACES = DrawnFaces(5, 64)


def make_stream(seed: int = 0) -> FaceStream:
    return FaceStream(FACES, Mixture(((1.0, "irregular"),)), pixels=64, seed=seed, jitter=Jitter(rotation_degrees=5))


def take(start: int, count: int, *, workers: int = 0, rank: int = 0, world: int = 1) -> list[Batch]:
    row = batches(make_stream(), start=start, batch_size=2, workers=workers, rank=rank, world=world)
    return list(itertools.islice(row, count))


def test_shapes_and_ranges() -> None:
    batch = take(0, 1)[0]
    assert batch.image.shape == (2, 3, 64, 64)
    assert batch.hole.shape == (2, 1, 64, 64)
    assert batch.landmarks.shape == (2, 68, 2)
    assert 0 <= batch.image.min() <= batch.image.max() <= 1
    assert set(batch.hole.unique().tolist()) == {0.0, 1.0}


def test_every_epoch_shows_every_face_once_in_another_order() -> None:
    stream = make_stream()
    epochs = [[stream.face_of(position) for position in range(begin, begin + 5)] for begin in range(0, 25, 5)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_row_that_starts_later_goes_on_the_same() -> None:
    whole, rest = take(0, 4), take(4, 2)
    for expected, found in zip(whole[2:], rest, strict=True):
        assert torch.equal(expected.image, found.image)
        assert torch.equal(expected.hole, found.hole)
        assert torch.equal(expected.landmarks, found.landmarks)


def test_worker_processes_change_nothing() -> None:
    for expected, found in zip(take(0, 3), take(0, 3, workers=1), strict=True):
        assert torch.equal(expected.image, found.image)


def test_processes_share_the_row() -> None:
    whole = [position for position, _ in zip(StreamSampler(10), range(6), strict=False)]
    parts = [[p for p, _ in zip(StreamSampler(10, rank, 2), range(3), strict=False)] for rank in (0, 1)]
    assert whole == list(range(10, 16))
    assert sorted(parts[0] + parts[1]) == whole


def test_the_same_face_comes_with_another_hole_each_time() -> None:
    stream = make_stream()
    positions = [p for p in range(25) if stream.face_of(p) == 0]
    holes = {stream[position][1].numpy().tobytes() for position in positions}
    assert len(holes) == len(positions)


def test_a_window_shows_the_hole_and_moves_the_landmarks() -> None:
    whole = make_stream()
    holes = Mixture(((1.0, "irregular"),))
    windows = FaceStream(FACES, holes, pixels=64, seed=0, jitter=Jitter(rotation_degrees=5), window_pixels=32)
    for position in range(8):
        image, hole, landmarks = windows[position]
        full_image, full_hole, full_landmarks = whole[position]
        assert image.shape == (3, 32, 32)
        assert hole.any()
        left, top = (full_landmarks - landmarks)[0].int().tolist()
        assert torch.allclose(full_landmarks - landmarks, torch.tensor([float(left), float(top)]), atol=1e-4)
        assert torch.equal(image, full_image[:, top : top + 32, left : left + 32])
        assert torch.equal(hole, full_hole[:, top : top + 32, left : left + 32])


def parsing_stream(**options) -> FaceStream:
    return FaceStream(FACES, Mixture(((1.0, "center"),)), pixels=64, seed=0, parsing_classes=11, **options)


def test_no_parsing_maps_unless_asked_for() -> None:
    assert take(0, 1)[0].parsing is None
    assert len(make_stream()[0]) == 3


def test_parsing_maps_come_with_the_batch() -> None:
    batch = next(batches(parsing_stream(), start=0, batch_size=2, workers=0))
    assert batch.parsing is not None
    assert batch.parsing.shape == (2, 64, 64)
    assert batch.parsing.dtype == torch.int64
    assert set(batch.parsing.unique().tolist()) <= set(range(11))
    moved = batch.to(torch.device("cpu"))
    assert moved.parsing is not None
    assert torch.equal(moved.parsing, batch.parsing)


def test_a_flipped_face_keeps_its_own_left_and_right() -> None:
    """Drawn faces look at the viewer: the subject's left eye is right of the right one, flipped or not."""
    stream = parsing_stream()
    flipped = 0
    for position in range(20):
        image, _, _, parsing = stream[position]
        left, right = ((parsing == HELEN.index(f"{side}_eye")).nonzero()[:, 1] for side in ("left", "right"))
        assert left.float().mean() > right.float().mean()
        face = FACES.face(stream.face_of(position))
        flipped += not np.array_equal(image.numpy().transpose(1, 2, 0), face.image)
    assert 0 < flipped < 20


def test_a_window_cuts_the_parsing_map_too() -> None:
    jitter = Jitter(rotation_degrees=5)
    whole, windows = parsing_stream(jitter=jitter), parsing_stream(jitter=jitter, window_pixels=32)
    for position in range(4):
        _, _, full_landmarks, full_parsing = whole[position]
        _, _, landmarks, parsing = windows[position]
        left, top = (full_landmarks - landmarks)[0].round().int().tolist()
        assert torch.equal(parsing, full_parsing[top : top + 32, left : left + 32])


class NineteenClasses(DrawnFaces):
    """Drawn faces whose maps are those of another set of classes."""

    parsing_classes = 19

    def parsing(self, index: int):
        return np.full((64, 64), parsings.CELEBAMASK_HQ.index("glasses" if index else "hat"), np.uint8)


def test_maps_are_merged_to_the_classes_that_are_asked_for() -> None:
    faces = NineteenClasses(2, 64)
    for classes, hat, glasses in ((19, 18, 6), (14, 13, 4), (11, 0, 255)):
        stream = FaceStream(faces, Mixture(((1.0, "none"),)), pixels=64, seed=0, parsing_classes=classes)
        found = {stream.face_of(position): set(stream[position][3].unique().tolist()) for position in range(2)}
        assert found == {0: {hat}, 1: {glasses}}


def test_what_cannot_be_merged_is_refused() -> None:
    stream = FaceStream(FACES, Mixture(((1.0, "none"),)), pixels=64, seed=0, parsing_classes=14)
    with pytest.raises(DataError, match="11 classes cannot become 14 classes"):
        stream[0]


def test_faces_without_maps_are_refused() -> None:
    class WithoutMaps(DrawnFaces):
        def parsing(self, index: int):
            return None

    stream = FaceStream(WithoutMaps(1, 64), Mixture(((1.0, "none"),)), pixels=64, seed=0, parsing_classes=11)
    with pytest.raises(DataError, match="has no parsing map"):
        stream[0]
