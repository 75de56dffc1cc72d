"""The bench measures what it says, and the paper's ratio holds on this machine."""

from __future__ import annotations

import torch

from tests.bench.attention import CHANNELS, SIDE, inputs, peak_apart, quickest, report
from tests.bench.coherent import CoherentAttention


def test_dual_spatial_attention_takes_at_most_half_of_contextual_attentions_time() -> None:
    torch.set_num_threads(1)
    seconds = quickest("cpu", 5)
    assert seconds["dual spatial"] <= 0.5 * seconds["contextual"]
    assert seconds["coherent"] > seconds["dual spatial"]


def test_dual_spatial_attention_holds_its_maps_and_never_one_of_all_positions() -> None:
    """1,024 positions miss and 3,072 are known. Energies take 16 MiB; one map of 4,096 by 4,096 would take 64."""
    peak_megabytes = peak_apart("dual spatial", "cpu")
    assert 16 < peak_megabytes < 64


def test_layer_14_and_the_largest_box() -> None:
    x, missing = inputs("cpu")
    assert (tuple(x.shape), float(missing.sum())) == ((1, 128, 64, 64), 32.0 * 32.0)
    assert (CHANNELS, SIDE) == (128, 64)


@torch.no_grad()
def test_coherent_attention_takes_the_most_alike_and_the_one_before() -> None:
    module = CoherentAttention(2)
    module.merge.weight.copy_(torch.eye(2)[:, :, None, None])
    torch.nn.init.zeros_(module.merge.bias)
    x = torch.tensor([[[[1.0, 0.0, 2.0, 0.9]], [[0.0, 3.0, 0.1, 0.2]]]])  # [1,2,1,4]
    missing = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]])
    found = module(x, missing)[0, :, 0].T
    assert torch.equal(found[:2], x[0, :, 0, :2].T)
    assert torch.allclose(found[2], torch.tensor([1.0, 0.0]))  # the known one most alike
    assert torch.allclose(found[3], torch.tensor([1.0, 0.0]), atol=1e-5)  # mixed of that and the one before: the same


def test_the_report_names_ratios() -> None:
    text = report(
        {"dual spatial": 0.002, "contextual": 0.01, "coherent": 0.02},
        dict.fromkeys(("dual spatial", "contextual", "coherent"), 12.5),
    )
    assert "0.20" in text
    assert "12.5" in text
    assert "6.4" in text
