"""A converted LBAM paints what the published one does, written out plainly; wrong files are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from typer.testing import CliRunner

from tests.training import published
from training.checkpoint import load_snapshot
from training.convert import app
from training.papers.reference.published import convert_generator
from training.papers.reference.serving import load_generator
from training.papers.reference.snapshots import BOTTLENECK
from training.published_keys import PublishedKeysError


@pytest.fixture(scope="module")
def weights() -> published.Weights:
    """Masks as trained ones are: their kernels mostly positive."""
    found = published.published_weights("lbam")
    return {
        key: weight.abs() * 0.6 / weight[0].numel() ** 0.5 if "askConv.weight" in key else weight
        for key, weight in found.items()
    }


def attention(response: Tensor, weights: published.Weights, name: str) -> Tensor:
    """g_A with numbers that are brought into their bounds when they are loaded."""
    a, mu, first, second = (
        float(weights[f"{name}.activationFuncG_A.{number}"].clamp(low, high))
        for number, low, high in (("a", 1.01, 6), ("mu", 0.1, 3), ("sigma1", 0.5, 2), ("sigma2", 0.5, 2))
    )
    below = a * torch.exp(-first * (response - mu) ** 2)
    above = 1 + (a - 1) * torch.exp(-second * (response - mu) ** 2)
    return torch.where(response < mu, below, above)


def published_lbam(weights: published.Weights, image: Tensor, hole: Tensor) -> Tensor:
    """The published network: mask of three channels, 1 = valid; the reverse branch gets 1 - mask."""
    mask = (1 - hole).expand(-1, 3, -1, -1)
    x, ahead, skips, maps = torch.cat((image * mask, mask[:, :1]), dim=1), mask, [], []
    for level in range(1, 8):
        features = F.conv2d(x, weights[f"ec{level}.conv.conv.weight"], stride=2, padding=1)
        response = F.conv2d(ahead, weights[f"ec{level}.conv.maskConv.weight"], stride=2, padding=1)
        maps.append(attention(response, weights, f"ec{level}.conv"))
        ahead = response.clamp(min=0) ** 0.8
        skips.append(features)
        x = F.leaky_relu(features * maps[-1], 0.2)
    back, reverse = 1 - mask, []
    for level in range(1, 7):
        response = F.conv2d(back, weights[f"reverseConv{level}.reverseMaskConv.weight"], stride=2, padding=1)
        reverse.append(attention(response, weights, f"reverseConv{level}"))
        back = response.clamp(min=0) ** 0.8
    for level in range(1, 7):
        x = F.conv_transpose2d(x, weights[f"dc{level}.conv.weight"], stride=2, padding=1)
        place = 6 - level
        both = torch.cat((maps[place], reverse[place]), dim=1)
        x = F.leaky_relu(torch.cat((skips[place], x), dim=1) * both, 0.2)
    return (torch.tanh(F.conv_transpose2d(x, weights["dc7.weight"], stride=2, padding=1)) + 1) / 2


def pictures() -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(1)
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 30:90, 20:70] = 1
    return torch.rand(1, 3, 128, 128, generator=dice), hole


@torch.no_grad()
def test_a_converted_lbam_paints_what_the_published_one_does(weights: published.Weights) -> None:
    image, hole = pictures()
    generator = load_generator(convert_generator(weights)).generator
    expected = published_lbam(weights, image, hole)
    assert float(expected.std()) > 0.01
    assert (generator(image, hole, torch.zeros(1, 8)) - expected).abs().max() < 1e-4
    # Attributes count nothing: their rows are 0.
    assert torch.equal(generator(image, hole, torch.ones(1, 8)), generator(image, hole, torch.zeros(1, 8)))


def test_the_bottleneck_keeps_its_rows_and_gets_those_of_the_attributes(weights: published.Weights) -> None:
    converted = convert_generator({f"module.{key}": weight for key, weight in weights.items()})[BOTTLENECK]
    assert converted.shape == (520, 512, 4, 4)
    assert torch.equal(converted[:512], weights["dc1.conv.weight"])
    assert float(converted[512:].abs().max()) == 0


def test_what_does_not_fit_is_named(weights: published.Weights) -> None:
    wrong = {key: weight for key, weight in weights.items() if key != "dc7.weight"}
    wrong["dc8.weight"], wrong["ec1.conv.conv.weight"] = torch.zeros(1), torch.zeros(64, 3, 4, 4)
    with pytest.raises(PublishedKeysError) as raised:
        convert_generator(wrong)
    assert str(raised.value).splitlines() == [
        "missing keys: dc7.weight",
        "unexpected keys: dc8.weight",
        "misshapen keys: ec1.conv.conv.weight [64, 3, 4, 4] instead of [64, 4, 4, 4]",
    ]


def test_the_command_writes_the_generator_and_says_what_stays_untrained(
    weights: published.Weights, tmp_path: Path
) -> None:
    torch.save(weights, tmp_path / "lbam.pth")
    repository = tmp_path / "new"
    words = ["reference", "--weights", str(tmp_path / "lbam.pth"), "--repository", str(repository)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "untrained: the attributes' rows of decoder.0.weight" in done.output
    assert "untrained: reference_extractor" in done.output
    assert f"training.train reference --start {repository / 'reference_generator'}" in done.output
    state, metadata = load_snapshot(repository / "reference_generator" / "snapshot.safetensors")
    assert metadata["source"] == "lbam.pth"
    assert state[BOTTLENECK].shape == (520, 512, 4, 4)
    assert not (repository / "reference_extractor" / "snapshot.safetensors").exists()
    assert "obeys none" in (repository / "reference_generator" / "card.md").read_text()
