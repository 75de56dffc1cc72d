"""Gathered and padded attention equals the equations face by face, whatever the holes of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.training.papers.dsa.reference import plain_attention
from training.papers.dsa.attention import DualSpatialAttention, at_scale, gathered, take

CHANNELS, SIDE = 12, 8


def module() -> DualSpatialAttention:
    """With factors and a merging convolution that let everything through."""
    made = DualSpatialAttention(CHANNELS)
    torch.nn.init.constant_(made.alpha, 0.7)
    torch.nn.init.constant_(made.beta, -0.4)
    torch.nn.init.normal_(made.merge.weight)
    return made


def hole(*box: int) -> Tensor:
    found = torch.zeros(1, SIDE, SIDE)
    if box:
        found[:, box[0] : box[1], box[2] : box[3]] = 1
    return found


HOLES = {
    "equal": [hole(2, 5, 2, 5), hole(0, 3, 5, 8)],
    "of all sizes": [hole(2, 6, 1, 7), hole(0, 1, 0, 1), hole(0, 8, 0, 4), (torch.rand(1, SIDE, SIDE) > 0.5).float()],
    "nothing missing": [hole(), hole(1, 3, 1, 3)],
    "all missing": [hole(0, 8, 0, 8), hole(1, 3, 1, 3)],
    "nothing and all": [hole(), hole(0, 8, 0, 8)],
    "nothing anywhere": [hole(), hole()],
    "all of one": [hole(0, 8, 0, 8)],
}


@pytest.mark.parametrize("holes", HOLES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_equations_face_by_face(holes: str, layout: torch.memory_format) -> None:
    missing = torch.stack(HOLES[holes])
    attention, x = module(), torch.randn(len(missing), CHANNELS, SIDE, SIDE).to(memory_format=layout)
    found, expected = attention(x, missing), plain_attention(attention, x, missing)
    assert torch.allclose(found, expected, atol=1e-5)
    parameters = list(attention.parameters())
    weight = torch.randn_like(found)
    gradients = [
        torch.autograd.grad((answer * weight).sum(), parameters, allow_unused=True, materialize_grads=True)
        for answer in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-3)
        assert torch.isfinite(one).all()


def test_a_face_is_the_same_in_every_batch() -> None:
    attention, missing = module(), torch.stack(HOLES["of all sizes"])
    x = torch.randn(len(missing), CHANNELS, SIDE, SIDE)
    together = attention(x, missing)
    for place in range(len(x)):
        alone = attention(x[place : place + 1], missing[place : place + 1])
        assert torch.allclose(alone[0], together[place], atol=1e-5)


@pytest.mark.parametrize(("dtype", "apart"), [(torch.bfloat16, 0.1), (torch.float16, 0.02)])
def test_holes_of_different_sizes_do_in_every_precision(dtype: torch.dtype, apart: float) -> None:
    attention, missing = module(), torch.stack(HOLES["of all sizes"])
    x = torch.randn(len(missing), CHANNELS, SIDE, SIDE)
    expected = attention(x, missing)
    found = attention.to(dtype)(x.to(dtype), missing.to(dtype))
    assert found.dtype == dtype
    assert (found - expected).abs().max() < apart * expected.abs().max()


def test_maps_are_of_foreground_and_background_and_not_of_all_positions() -> None:
    missing = torch.stack([hole(2, 6, 1, 7), hole(0, 1, 0, 1)])  # 24 and 1 of 64
    _, cross, own, there, known = module().attended(torch.randn(2, CHANNELS, SIDE, SIDE), missing)
    assert (tuple(cross.shape), tuple(own.shape)) == ((2, 24, 63), (2, 24, 24))
    assert (there.sum(dim=1).tolist(), known.sum(dim=1).tolist()) == ([24, 1], [40, 63])


def test_at_first_the_map_passes_as_it_is() -> None:
    """alpha and beta are 0, and the merging convolution halves the sum, which holds X twice."""
    attention, x = DualSpatialAttention(CHANNELS), torch.randn(2, CHANNELS, SIDE, SIDE)
    assert attention.alpha.item() == attention.beta.item() == 0
    assert torch.allclose(attention(x, torch.stack(HOLES["equal"])), x, atol=1e-6)


def test_each_branch_has_its_own_query_key_and_value() -> None:
    names = {name for name, _ in DualSpatialAttention(64).named_parameters()}
    assert {f"{branch}.{part}.weight" for branch in ("cross", "own") for part in ("query", "key", "value")} <= names
    assert len(names) == 2 + 2 * 3 * 2 + 2  # alpha, beta; weights and biases of the six; the merging convolution


def test_no_weight_is_denormal_however_sharp_the_map() -> None:
    attention, seen = module(), []
    torch.nn.init.normal_(attention.cross.query.weight, std=30)
    x, missing = 3 * torch.randn(2, CHANNELS, SIDE, SIDE), torch.stack(HOLES["of all sizes"][:2])
    softmax = torch.softmax(attention.attended(x, missing)[1], dim=-1)
    smallest = torch.finfo(torch.float32).tiny
    assert ((softmax > 0) & (softmax < smallest)).any(), "the test has no denormal numbers"

    def note(module: torch.nn.Module, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        seen.append(output[0])

    attention.cross.register_forward_hook(note)
    loss = attention(x, missing).square().sum()
    gradients = torch.autograd.grad(loss, [attention.cross.query.weight, attention.cross.value.weight])
    for tensor in (*seen, *gradients):
        assert not ((tensor != 0) & (tensor.abs() < smallest)).any()


def test_a_position_is_missing_as_soon_as_one_of_its_pixels_is() -> None:
    pixels = torch.zeros(1, 1, 32, 32)
    pixels[0, 0, 9, 22] = 1
    small = at_scale(pixels, 8)
    assert small.shape == (1, 1, 8, 8)
    assert small.nonzero().tolist() == [[0, 0, 2, 5]]
    assert at_scale(pixels, 32) is pixels


def test_gathered_places_are_in_order() -> None:
    chosen = torch.tensor([[True, False, True, True], [False, False, True, False]])
    places, there = gathered(chosen)
    assert places[0].tolist() == [0, 2, 3]
    assert places[1, 0] == 2
    assert there.tolist() == [[True, True, True], [True, False, False]]
    flat = torch.arange(8.0).reshape(2, 4, 1)
    assert take(flat, places)[there].flatten().tolist() == [0, 2, 3, 6]
