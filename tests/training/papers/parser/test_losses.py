import pytest
import torch

from training.papers.parser.losses import parser_losses


def test_three_losses_each_at_the_size_of_the_map() -> None:
    parsing = torch.zeros(1, 32, 32, dtype=torch.long)
    sure = torch.tensor([5.0, -5.0]).view(1, 2, 1, 1)
    logits = sure.expand(1, 2, 4, 4), -sure.expand(1, 2, 4, 4), 0 * sure.expand(1, 2, 2, 2)
    losses = parser_losses(logits, parsing)
    assert list(losses) == ["main", "at_8", "at_16"]
    assert [float(loss) for loss in losses.values()] == pytest.approx([4.54e-5, 10.0, 0.6931], abs=1e-3)


def test_class_weights_reach_every_head() -> None:
    parsing = torch.ones(1, 16, 16, dtype=torch.long)
    logits = (torch.zeros(1, 2, 2, 2),) * 3
    plain = parser_losses(logits, parsing)
    weighted = parser_losses(logits, parsing, torch.tensor([1.0, 3.0]))
    for name, loss in plain.items():
        assert float(weighted[name]) == pytest.approx(3 * float(loss))
