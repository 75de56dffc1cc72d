import math

import pytest
import torch

from training.metrics.regions import confusion, f_scores, intersections_over_unions, mean_of_present, pixel_accuracy

TARGET = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 255], [2, 2, 2, 255], [0, 0, 0, 0]]])
PREDICTED = torch.tensor([[[0, 0, 1, 2], [0, 1, 1, 1], [2, 2, 0, 0], [0, 0, 0, 0]]])


def test_pixels_are_counted_by_true_and_given_class() -> None:
    counts = confusion(PREDICTED, TARGET, 4)
    assert counts.tolist() == [[7, 1, 0, 0, 0], [0, 2, 1, 0, 0], [1, 0, 2, 0, 0], [0, 0, 0, 0, 0]]


def test_f_score_and_union_by_hand() -> None:
    counts = confusion(PREDICTED, TARGET, 4)
    assert f_scores(counts)[:3].tolist() == pytest.approx([14 / 16, 4 / 6, 4 / 6])
    assert intersections_over_unions(counts)[:3].tolist() == pytest.approx([7 / 9, 2 / 4, 2 / 4])
    assert pixel_accuracy(counts) == pytest.approx(11 / 14)


def test_a_class_that_nobody_has_is_left_out_of_the_mean() -> None:
    scores = f_scores(confusion(PREDICTED, TARGET, 4))
    assert math.isnan(scores[3])
    assert mean_of_present(scores) == pytest.approx((14 / 16 + 4 / 6 + 4 / 6) / 3)


def test_a_class_that_is_only_given_scores_nothing() -> None:
    given = torch.zeros(1, 2, 2, dtype=torch.long)
    given[0, 0, 0] = 1
    assert f_scores(confusion(given, torch.zeros(1, 2, 2, dtype=torch.long), 2)).tolist() == pytest.approx([6 / 7, 0])


def test_equal_maps_are_perfect_and_batches_add_up() -> None:
    maps = torch.randint(0, 3, (4, 8, 8), generator=torch.Generator().manual_seed(0))
    assert f_scores(confusion(maps, maps, 3)).tolist() == [1, 1, 1]
    other = maps.roll(1, dims=2)
    parts = sum(confusion(a[None], b[None], 3) for a, b in zip(other, maps, strict=True))
    assert torch.equal(parts, confusion(other, maps, 3))


def test_what_is_given_no_class_is_missed_but_wrong_nowhere() -> None:
    target = torch.tensor([[[1, 1], [0, 0]]])
    predicted = torch.tensor([[[1, 255], [0, 0]]])
    assert f_scores(confusion(predicted, target, 2)).tolist() == pytest.approx([1, 2 / 3])


def test_nothing_known_has_no_figures() -> None:
    counts = confusion(PREDICTED, torch.full_like(TARGET, 255), 3)
    assert math.isnan(pixel_accuracy(counts))
    assert math.isnan(mean_of_present(f_scores(counts)))
