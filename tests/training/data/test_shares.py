"""Shares of a batch: nothing is lost, nothing counts twice."""

import pytest

from training.data.shares import shares


@pytest.mark.parametrize("batch_size", [1, 3, 4, 16])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_every_picture_counts_once_in_the_mean(batch_size: int, world: int, accumulate: int) -> None:
    if accumulate > batch_size:
        accumulate = 1
    counted = [0.0] * batch_size
    for rank in range(world):
        found = shares(batch_size, rank=rank, world=world, accumulate=accumulate)
        assert len(found) == accumulate
        for share in found:
            assert share.places
            for place in share.places:
                counted[place] += share.weight / len(share.places)
    assert counted == pytest.approx([1 / batch_size] * batch_size)


def test_more_processes_than_pictures_repeat_some_without_weight() -> None:
    found = [shares(4, rank=rank, world=8)[0] for rank in range(8)]
    assert [share.places for share in found] == [(0,), (1,), (2,), (3,)] * 2
    assert [share.weight for share in found] == [0.25] * 4 + [0.0] * 4


def test_shares_differ_by_a_picture_at_most() -> None:
    sizes = [len(shares(16, rank=rank, world=3)[0].places) for rank in range(3)]
    assert sorted(sizes) == [5, 5, 6]


def test_micro_batches_follow_one_another() -> None:
    assert [share.places for share in shares(5, accumulate=2)] == [(0, 1), (2, 3, 4)]
    assert [share.places for share in shares(6, rank=1, world=2, accumulate=2)] == [(1,), (4,)]
