import itertools

import cv2
import numpy as np
import pytest
import torch

from tests.training.faces98 import Faces98
from training.data import parsing as parsings
from training.data.drawn import DrawnFaces
from training.data.drawn_paint import ATTRIBUTES
from training.data.faces import DataError
from training.data.holes import Mixture
from training.data.landmarks import to_68
from training.data.parsing import HELEN
from training.data.shares import shares
from training.data.stream import Batch, FaceStream, Item, ShareSampler, Wants, batches, draw_window
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


def test_a_batch_brings_its_places_and_its_weight() -> None:
    first, second = take(0, 2, rank=1, world=2)
    assert (first.position.tolist(), second.position.tolist()) == ([1], [3])
    assert (first.weight, second.weight) == (0.5, 0.5)


def test_micro_batches_are_the_batch_in_pieces() -> None:
    whole = take(0, 1)[0]
    row = batches(make_stream(), start=0, batch_size=2, workers=0, accumulate=2)
    pieces = list(itertools.islice(row, 2))
    assert torch.equal(whole.image, torch.cat([piece.image for piece in pieces]))
    assert [piece.weight for piece in pieces] == [0.5, 0.5]


def test_processes_share_the_row() -> None:
    def positions(rank: int, world: int) -> list[list[int]]:
        sampler = ShareSampler(10, 3, shares(3, rank=rank, world=world))
        return list(itertools.islice(sampler, 2))

    assert positions(0, 1) == [[10, 11, 12], [13, 14, 15]]
    assert [positions(rank, 2) for rank in (0, 1)] == [[[10, 12], [13, 15]], [[11], [14]]]


def test_the_same_face_comes_with_another_hole_each_time() -> None:
    stream = make_stream()
    positions = [p for p in range(25) if stream.face_of(p) == 0]
    holes = {stream[position]["hole"].numpy().tobytes() for position in positions}
    assert len(holes) == len(positions)


def test_a_window_shows_the_hole_and_moves_the_landmarks() -> None:
    whole = make_stream()
    holes = Mixture(((1.0, "irregular"),))
    windows = FaceStream(FACES, holes, pixels=64, seed=0, jitter=Jitter(rotation_degrees=5), window_pixels=32)
    for position in range(8):
        image, hole, landmarks = (windows[position][name] for name in ("image", "hole", "landmarks"))
        full_image, full_hole, full_landmarks = (whole[position][name] for name in ("image", "hole", "landmarks"))
        assert image.shape == (3, 32, 32)
        assert hole.any()
        left, top = (full_landmarks - landmarks)[0].int().tolist()
        assert torch.allclose(full_landmarks - landmarks, torch.tensor([float(left), float(top)]), atol=1e-4)
        assert torch.equal(image, full_image[:, top : top + 32, left : left + 32])
        assert torch.equal(hole, full_hole[:, top : top + 32, left : left + 32])


def parsing_stream(**options) -> FaceStream:
    return FaceStream(FACES, Mixture(((1.0, "center"),)), pixels=64, seed=0, wants=Wants(parsing_classes=11), **options)


def test_no_parsing_maps_unless_asked_for() -> None:
    assert take(0, 1)[0].parsing is None
    assert set(make_stream()[0]) == {"image", "hole", "landmarks", "position"}


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
        image, parsing = stream[position]["image"], stream[position]["parsing"]
        left, right = ((parsing == HELEN.index(f"{side}_eye")).nonzero()[:, 1] for side in ("left", "right"))
        assert left.float().mean() > right.float().mean()
        face = FACES.face(stream.face_of(position))
        flipped += not np.array_equal(image.numpy().transpose(1, 2, 0), face.image)
    assert 0 < flipped < 20


def test_a_window_cuts_the_parsing_map_too() -> None:
    jitter = Jitter(rotation_degrees=5)
    whole, windows = parsing_stream(jitter=jitter), parsing_stream(jitter=jitter, window_pixels=32)
    for position in range(4):
        full_landmarks, full_parsing = whole[position]["landmarks"], whole[position]["parsing"]
        landmarks, parsing = windows[position]["landmarks"], windows[position]["parsing"]
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
        stream = FaceStream(faces, Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(parsing_classes=classes))
        found = {stream.face_of(position): set(stream[position]["parsing"].unique().tolist()) for position in range(2)}
        assert found == {0: {hat}, 1: {glasses}}


def test_what_cannot_be_merged_is_refused() -> None:
    stream = FaceStream(FACES, Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(parsing_classes=14))
    with pytest.raises(DataError, match="11 classes cannot become 14 classes"):
        stream[0]


def test_faces_without_maps_are_refused() -> None:
    class WithoutMaps(DrawnFaces):
        def parsing(self, index: int):
            return None

    stream = FaceStream(
        WithoutMaps(1, 64), Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(parsing_classes=11)
    )
    with pytest.raises(DataError, match="has no parsing map"):
        stream[0]


def wanting(**wants) -> FaceStream:
    return FaceStream(FACES, Mixture(((1.0, "block"),)), pixels=64, seed=0, wants=Wants(**wants))


def test_noise_belongs_to_the_place_in_the_row() -> None:
    one, two = (
        next(batches(wanting(noise=True), start=0, batch_size=4, workers=0, **share))
        for share in ({}, {"rank": 1, "world": 2})
    )
    assert one.noise is not None
    assert two.noise is not None
    assert one.noise.shape == one.image.shape
    assert torch.equal(two.noise, one.noise[1::2])
    assert one.noise.min() < -0.99
    assert one.noise.max() > 0.99
    assert abs(float(one.noise.mean())) < 0.02
    assert len({noise.numpy().tobytes() for noise in one.noise}) == 4


def test_a_reference_is_another_face_as_it_is() -> None:
    stream = wanting(reference=True)
    shown = {face: FACES.image(face).transpose(2, 0, 1).tobytes() for face in range(5)}
    found = set()
    for position in range(40):
        picture = stream[position]["reference"].numpy().tobytes()
        assert picture in shown.values()
        assert picture != shown[stream.face_of(position)]
        found.add(picture)
    assert len(found) == 5
    batch = next(batches(stream, start=0, batch_size=2, workers=0))
    assert batch.reference is not None
    assert 0 <= batch.reference.min() <= batch.reference.max() <= 1


def test_a_single_face_has_no_reference() -> None:
    stream = FaceStream(DrawnFaces(1, 64), Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(reference=True))
    with pytest.raises(DataError, match="only one"):
        stream[0]


def test_attributes_come_by_name_and_in_order() -> None:
    names = tuple(reversed(ATTRIBUTES[:2]))
    stream = wanting(attributes=names)
    batch = next(batches(stream, start=0, batch_size=2, workers=0))
    assert batch.attributes is not None
    face = FACES.face(stream.face_of(1))
    assert batch.attributes[1].tolist() == pytest.approx([face.attributes[name] for name in names])


def test_attributes_that_are_not_known_may_be_asked_for() -> None:
    names = (ATTRIBUTES[0], "age")
    batch = next(batches(wanting(attributes=names, partial_attributes=True), start=0, batch_size=2, workers=0))
    assert batch.attributes is not None
    assert batch.attributes.isnan().tolist() == [[False, True]] * 2


def test_numbers_to_draw_with_belong_to_the_place_in_the_row() -> None:
    one, two = (
        next(batches(wanting(chance=5), start=0, batch_size=4, workers=0, **share))
        for share in ({}, {"rank": 1, "world": 2})
    )
    assert one.chance is not None
    assert two.chance is not None
    assert one.chance.shape == (4, 5)
    assert torch.equal(two.chance, one.chance[1::2])
    assert 0 <= float(one.chance.min()) <= float(one.chance.max()) < 1
    assert len(one.chance.unique()) == 20


def test_without_a_hole_every_window_is_equally_likely() -> None:
    dice = np.random.default_rng(0)
    tops = [draw_window(np.zeros((64, 64), np.uint8), 32, dice)[0].start for _ in range(6_600)]
    counts = np.bincount(tops, minlength=33)
    assert len(counts) == 33
    assert counts.min() > 130  # of 200 expected
    assert counts.max() < 270


class CountsThreads(FaceStream):
    """Tells in every item how many threads OpenCV uses where the item is made."""

    def __getitem__(self, position: int) -> Item:
        return super().__getitem__(position) | {"noise": torch.tensor(cv2.getNumThreads())}


@pytest.mark.timeout(60)
def test_a_loader_process_takes_one_core() -> None:
    """Also when OpenCV has threads here already, for which a forked process would wait in vain."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.resize(np.zeros((3000, 3000, 3), np.uint8), (2000, 2000), interpolation=cv2.INTER_CUBIC)
    stream = CountsThreads(FACES, Mixture(((1.0, "none"),)), pixels=64, seed=0)
    batch = next(batches(stream, start=0, batch_size=2, workers=1))
    assert batch.noise is not None
    assert batch.noise.tolist() == [1, 1]
    assert cv2.getNumThreads() == 4
    cv2.setNumThreads(before)


NOTHING = Mixture(((1.0, "none"),))


def test_98_landmarks_become_68_unless_the_part_wants_all() -> None:
    faces = Faces98(2, 32)
    streams = {count: FaceStream(faces, NOTHING, pixels=32, seed=0, wants=Wants(landmarks=count)) for count in (68, 98)}
    few, all_of_them = streams[68][0], streams[98][0]
    assert torch.equal(few["landmarks"], to_68(all_of_them["landmarks"]))
    assert len(all_of_them["landmarks"]) == 98
    assert torch.equal(few["hole"], all_of_them["hole"])
    with pytest.raises(DataError, match="needs faces with 98 landmarks; these have 68"):
        FaceStream(DrawnFaces(2, 32), NOTHING, pixels=32, seed=0, wants=Wants(landmarks=98))[0]


def test_a_second_hole_is_drawn_apart_from_the_first() -> None:
    plain = FaceStream(FACES, NOTHING, pixels=32, seed=0)
    both = FaceStream(FACES, NOTHING, pixels=32, seed=0, wants=Wants(other_holes=Mixture(((1.0, "block"),))))
    items = [both[position] for position in range(4)]
    assert all(torch.equal(item["image"], plain[position]["image"]) for position, item in enumerate(items))
    assert not any(item["hole"].any() for item in items)
    assert all(item["other_hole"].sum() == 16 * 16 for item in items)
    assert len({item["other_hole"].numpy().tobytes() for item in items}) > 1
    assert torch.equal(both[2]["other_hole"], items[2]["other_hole"])
    batch = next(batches(both, start=0, batch_size=2, workers=0))
    assert batch.other_hole.dtype == torch.float32
