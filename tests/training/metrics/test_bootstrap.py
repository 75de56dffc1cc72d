"""Intervals and paired tests against what statistics says of known samples."""

import math

import numpy as np
import pytest

from training.metrics.bootstrap import blocks, compare, interval, sign_flips

SAMPLE = np.random.default_rng(3).normal(20, 2, 200)


def test_the_interval_of_a_normal_sample_is_that_of_the_normal_law():
    """1.96 standard errors to both sides, as for a mean of 200 figures."""
    low, high = interval(SAMPLE.tolist())
    half = 1.96 * SAMPLE.std() / math.sqrt(200)
    assert (low, high) == pytest.approx((SAMPLE.mean() - half, SAMPLE.mean() + half), abs=0.06 * half * 2)
    assert interval(SAMPLE.tolist()) == (low, high)


def test_equal_figures_leave_no_doubt_and_one_face_nothing_to_say():
    assert interval([3.0, 3.0, 3.0]) == (3.0, 3.0)
    assert interval([3.0]) is None
    assert interval([3.0, math.inf]) is None


def test_every_sign_of_few_differences_by_hand():
    """Of the eight signs only all plus and all minus reach a mean of 2."""
    assert sign_flips(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flips(np.array([1.0, -1.0])) == 1


def test_drawn_signs_come_near_to_all_signs():
    differences = np.random.default_rng(5).normal(0.4, 1, 20)
    signs = 1 - 2 * ((np.arange(2**20)[:, None] >> np.arange(20)) & 1)
    exact = (np.abs((signs * differences).mean(axis=1)) >= abs(differences.mean()) - 1e-12).mean()
    assert sign_flips(differences) == pytest.approx(exact, abs=0.012)


def test_a_small_difference_that_every_face_shows_is_sure_when_paired():
    """Unpaired the intervals overlap by far."""
    better = SAMPLE + 0.1 + np.random.default_rng(4).normal(0, 0.1, 200)
    said = compare(better.tolist(), SAMPLE.tolist())
    assert said.faces == 200
    assert said.low < 0.1 < said.high
    assert said.low > 0.08
    assert said.p < 0.001
    assert interval(better.tolist())[0] < interval(SAMPLE.tolist())[1]
    back = compare(SAMPLE.tolist(), better.tolist())
    assert (back.mean, back.low) == pytest.approx((-said.mean, -said.high), abs=1e-3)


def test_figures_that_are_not_finite_are_left_out_in_pairs():
    assert compare([1.0, math.nan, 3.0, math.inf], [0.0, 1.0, 1.0, 2.0]).faces == 2
    assert compare([math.inf, 1.0], [math.inf, 0.0]) is None


def test_large_sets_are_resampled_in_blocks():
    assert sum(blocks(10_000)) == 2000
    assert max(blocks(10_000)) * 10_000 <= 4_000_000
