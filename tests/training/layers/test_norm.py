"""The same numbers as torch's instance norm, in the layout that came in."""

from __future__ import annotations

import time

import pytest
import torch
import torch.nn.functional as F

from training.layers.norm import InstanceNorm

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mean", [0.0, 10.0, 300.0])
def test_it_equals_torchs(mean: float, layout: torch.memory_format) -> None:
    x = torch.randn(2, 6, 48, 40) * torch.tensor([0.01, 1.0, 5.0, 1.0, 1.0, 1.0]).reshape(1, 6, 1, 1) + mean
    found = InstanceNorm(6)(x.contiguous(memory_format=layout))
    expected = F.instance_norm(x.double())
    noise = (F.instance_norm(x) - expected).abs().max()  # what float32 costs torch's own
    assert (found - expected).abs().max() < 2e-5 + 2 * noise
    assert found.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_its_gradient_equals_torchs(layout: torch.memory_format) -> None:
    x, weights = torch.randn(2, 2, 6, 16, 12)
    gradients = []
    for norm in (InstanceNorm(6), F.instance_norm):
        entry = (x + 3).contiguous(memory_format=layout).requires_grad_()
        gradients += torch.autograd.grad((norm(entry) * weights).sum(), entry)
    assert torch.allclose(*gradients, atol=1e-5)
    assert gradients[0].is_contiguous(memory_format=layout)


def test_bfloat16_stays_bfloat16_and_is_as_good() -> None:
    x = (torch.randn(2, 6, 32, 32) + 2).bfloat16().contiguous(memory_format=torch.channels_last)
    found = InstanceNorm(6)(x)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), F.instance_norm(x.float()), atol=0.02)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_one_picture_knows_nothing_of_another() -> None:
    x = torch.randn(3, 4, 8, 8)
    norm = InstanceNorm(4)
    assert torch.allclose(norm(x)[1:2], norm(x[1:2]), atol=1e-6)


def test_its_gradient_is_quick_in_channels_last_too() -> None:
    """torch's own takes about six times as long there; the least of several, in turns, in one run.

    On one thread: others wait busily for one another where cores are short, and that counts as their time.
    """
    values = torch.randn(2, 64, 64, 64, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    norms = {"ours": InstanceNorm(64), "torch": lambda entry: F.group_norm(entry, 64)}
    least_seconds = dict.fromkeys(norms, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(20):
            for name, norm in norms.items():
                normed = norm(values.detach().requires_grad_())
                begin = time.process_time()
                normed.backward(values)
                least_seconds[name] = min(least_seconds[name], time.process_time() - begin)
    finally:
        torch.set_num_threads(threads)
    assert least_seconds["ours"] < 0.4 * least_seconds["torch"]
