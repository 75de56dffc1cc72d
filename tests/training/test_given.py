"""What systems are given: nothing of the hole's content, and noise that is a face's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as some

from training.baselines import BASELINES
from training.blending import BLENDS, completed
from training.given import Given
from training.papers import SYSTEMS
from training.systems import Repository, frame_pixels, open_system

POINTS = torch.from_numpy(np.random.default_rng(0).uniform(8, 100, (1, 68, 2))).float()


def two_givens(side: int, seed: int) -> tuple[Given, Given]:
    """Of two pictures that are equal outside a hole and differ everywhere in it."""
    dice = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8, generator=dice)
    hole = (torch.rand(1, 1, side, side, generator=dice) < torch.rand(1, generator=dice)).to(torch.uint8)
    hole[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    other = torch.where(hole.bool(), image + 101, image)
    assert bool((other != image).any())
    reference = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8, generator=dice)
    return tuple(Given(one, hole, POINTS, ((seed,),), reference) for one in (image, other))  # type: ignore[return-value]  # two


@settings(max_examples=30, deadline=None)
@drawn(seed=some.integers(0, 2**32), side=some.sampled_from([8, 16, 33]))
def test_what_was_in_the_hole_is_gone(seed: int, side: int) -> None:
    one, other = two_givens(side, seed)
    assert torch.equal(one.image, other.image)
    assert not (one.image * one.hole).any()
    raw = torch.randint(0, 256, one.image.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    for blend in BLENDS.values():
        assert torch.equal(completed(raw, one, blend), completed(raw, other, blend))


@pytest.mark.parametrize("name", [*SYSTEMS, *BASELINES])
@torch.no_grad()
def test_pictures_that_are_equal_outside_the_hole_have_equal_answers(tiny_repository, name: str) -> None:
    learned = name in SYSTEMS
    system = open_system(name, Repository(tiny_repository, {})) if learned else BASELINES[name]
    one, other = (system(given) for given in two_givens(frame_pixels(name) if learned else 64, seed=3))
    answered = {key for key, value in vars(one).items() if value is not None}
    assert answered
    for key in answered:
        assert torch.equal(getattr(one, key), getattr(other, key)), key


def test_known_pixels_stay() -> None:
    one, _ = two_givens(16, seed=0)
    whole = torch.full_like(one.image, 9)
    assert torch.equal(Given(whole, one.hole, POINTS, ((0,),)).image, 9 * (1 - one.hole).expand_as(whole))


def test_a_faces_dice_depend_on_its_seed_alone() -> None:
    image, hole = torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.ones(2, 1, 8, 8, dtype=torch.uint8)
    given = Given(image, hole, POINTS.expand(2, -1, -1), ((0, 1), (0, 2)))
    first, second = (dice.random(4) for dice in given.dice())
    assert not np.array_equal(first, second)
    alone = Given(image[1:], hole[1:], POINTS, ((0, 2),))
    assert np.array_equal(alone.dice()[0].random(4), second)
    assert np.array_equal(given.dice()[0].random(4), first)
    with pytest.raises(AssertionError, match="one seed for each face"):
        Given(image, hole, POINTS, ((0, 1),))
