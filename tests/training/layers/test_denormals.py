"""No denormal number leaves a softmax or a sigmoid, forwards or backwards, and nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.bench.denormals import sharp_energy, slowdown
from training.layers.attention import PositionAttention
from training.layers.denormals import sigmoid, softmax

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny
TRAINING = Path(__file__).parents[3] / "training"


@pytest.fixture(autouse=True)
def denormals_count() -> Iterator[None]:
    """Whatever other tests left, this thread computes with denormal numbers."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)


def denormal(x: Tensor) -> int:
    return int(((x != 0) & (x.abs() < SMALLEST_NORMAL)).sum())


def test_a_sharp_softmax_has_no_denormal_weights() -> None:
    energy = sharp_energy(256)
    assert denormal(torch.softmax(energy, dim=-1)) > 1000
    assert denormal(softmax(energy)) == 0


def test_a_read_is_equal_to_the_last_bit() -> None:
    energy, values = sharp_energy(256), torch.randn(1, 256, 16)
    assert torch.equal(softmax(energy) @ values, torch.softmax(energy, dim=-1) @ values)


def test_what_is_not_tiny_stays_as_it_is() -> None:
    energy, logits = torch.randn(2, 5, 7, 9), torch.linspace(-60, 60, 99)
    assert torch.equal(softmax(energy), torch.softmax(energy, dim=-1))
    assert torch.equal(sigmoid(logits), torch.sigmoid(logits))


def test_a_closed_gate_is_zero() -> None:
    logits = torch.linspace(-110, -70, 99)
    assert denormal(torch.sigmoid(logits)) > 0
    assert torch.equal(sigmoid(logits), torch.zeros(99))


def gradient(function: Callable[[Tensor], Tensor], energy: Tensor, scale: float) -> Tensor:
    """Of a weighted sum of the softmax, in the energy."""
    energy = energy.clone().requires_grad_()
    weights = torch.linspace(-1, 1, energy.numel()).reshape(energy.shape) * scale
    (found,) = torch.autograd.grad((function(energy) * weights).sum(), energy)
    return found


def test_the_gradient_is_the_softmaxs_own_without_denormals() -> None:
    energy = sharp_energy(256)
    expected = gradient(lambda e: torch.softmax(e, dim=-1), energy, 1e-8)
    found = gradient(softmax, energy, 1e-8)
    assert denormal(expected) > 1000
    assert denormal(found) == 0
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-30)


def test_the_gradient_has_a_gradient() -> None:
    energy = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(softmax, (energy,))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_script_equals_eager() -> None:
    attention = PositionAttention(8).eval()
    x = torch.randn(1, 8, 6, 6) * 40
    with torch.no_grad():
        weights = attention(x)
        assert torch.equal(torch.jit.script(attention)(x), weights)
    assert denormal(weights) == 0
    assert int((weights == 0).sum()) > 0


def test_a_sharp_map_is_read_as_fast_as_a_clean_one() -> None:
    """In one run. Where denormals are microcoded, torch's own softmax makes the read up to 150 times slower."""
    assert slowdown(softmax, positions=512, rounds=15) < 3


def test_nothing_else_in_training_calls_torchs_own() -> None:
    own = re.compile(r"(torch|F|nn)\.(softmax|sigmoid|Softmax|Sigmoid)\b|\.(softmax|sigmoid)\((dim=)?-?\d?\)")
    callers = {file.name for file in TRAINING.rglob("*.py") if own.search(file.read_text())}
    assert callers == {"denormals.py"}
