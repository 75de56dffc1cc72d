"""The 68-point order: groups, mirror and normalised mean error."""

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
    assert np.array_equal(order.FLIP_ORDER[order.FLIP_ORDER], np.arange(order.COUNT))
    middle = [point for point in range(order.COUNT) if order.FLIP_ORDER[point] == point]
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
