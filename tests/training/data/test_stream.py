import itertools

import torch

from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
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
