"""The orders of 68 and 98 points: groups, mirror and normalised mean error."""

import numpy as np
import pytest
import torch

from training.data import landmarks as order
from training.data.drawn_shapes import FaceShape, landmarks

NUMBERS = (
    0.3,
    0.47,
    0.45,
    0.85,
    0.3,
    0.47,
    0.125,
    0.05,
    0.02,
    0.07,
    0.02,
    0.01,
    0.61,
    0.06,
    0.73,
    0.1,
    0.02,
    0.02,
    0.01,
)
SYMMETRIC = landmarks(FaceShape(*NUMBERS))


def test_groups_cover_every_point_once():
    points = [point for group in order.GROUPS.values() for point in group]
    assert sorted(points) == list(range(order.COUNT))


def test_flip_pairs_change_places_and_twice_is_nothing():
    assert len(order.FLIP_PAIRS) == 29
    assert np.array_equal(order.FLIP_ORDERS[68][order.FLIP_ORDERS[68]], np.arange(order.COUNT))
    middle = [point for point in range(order.COUNT) if order.FLIP_ORDERS[68][point] == point]
    assert middle == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


def test_mirror_of_a_symmetric_face_is_itself():
    width = 101
    points = SYMMETRIC * (width - 1)
    assert np.allclose(order.flip(points, width), points)


def test_flip_leaves_its_input_alone_and_serves_tensors():
    points = np.random.default_rng(0).uniform(0, 255, (2, 68, 2)).astype(np.float32)
    before = points.copy()
    mirrored = order.flip(points, 256)
    assert np.array_equal(points, before)
    assert np.array_equal(order.flip(torch.from_numpy(points), 256).numpy(), mirrored)
    assert np.allclose(order.flip(mirrored, 256), points)


def test_nme_is_in_percent_of_the_inter_ocular_distance():
    target = np.random.default_rng(0).uniform(0, 255, (3, 68, 2))
    target[:, 36], target[:, 45] = (100, 50), (140, 80)  # 50 px apart
    shifted = target + np.array([3, 4])
    assert order.inter_ocular(target) == pytest.approx(50)
    assert order.nme(shifted, target) == pytest.approx(10)  # 5 of 50 px
    assert order.nme(target, target) == pytest.approx(0)
    assert torch.allclose(order.nme(torch.tensor(shifted), torch.tensor(target)), torch.tensor(10.0).double())


def test_the_98_hold_the_68_in_every_respect():
    """What the table picks mirrors as the 68 do, and has the same eye corners."""
    assert len(set(order.OF_98)) == order.COUNT
    points = np.random.default_rng(0).uniform(0, 255, (2, 98, 2)).astype(np.float32)
    assert np.array_equal(order.to_68(order.flip(points, 256)), order.flip(order.to_68(points), 256))
    assert np.array_equal(order.inter_ocular(points), order.inter_ocular(order.to_68(points)))
    assert torch.equal(order.to_68(torch.from_numpy(points)), torch.from_numpy(order.to_68(points)))
    assert np.allclose(order.flip(order.flip(points, 256), 256), points, atol=1e-3)
    middle = [point for point in range(98) if order.FLIP_ORDERS[98][point] == point]
    assert middle == [16, 51, 52, 53, 54, 57, 79, 85, 90, 94]


def test_98_points_are_compared_with_68_by_these():
    target = np.random.default_rng(0).uniform(0, 255, (3, 98, 2))
    target[:, 60], target[:, 72] = (100, 50), (140, 80)  # 50 px apart
    shifted = target.copy()
    shifted[:, 96:] += [30, 40]  # the pupils are none of the 68
    assert order.nme(shifted, target) == pytest.approx(100 * 2 / 98)
    assert order.nme(order.to_68(shifted), target) == pytest.approx(0)
    assert order.nme(shifted, order.to_68(target)) == pytest.approx(0)
