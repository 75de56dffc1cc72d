import math

import pytest
import torch

from training.losses.hard_examples import hard_cross_entropy


def logits_of(probabilities: list[float]) -> torch.Tensor:
    """[1,2,1,W]: the probability of class 1 at each pixel."""
    p = torch.tensor(probabilities)
    return torch.stack((1 - p, p)).log().view(1, 2, 1, -1)


def ones(width: int) -> torch.Tensor:
    return torch.ones(1, 1, width, dtype=torch.long)


def test_only_pixels_below_the_easy_probability_count() -> None:
    loss = hard_cross_entropy(logits_of([0.9, 0.6, 0.5, 0.99]), ones(4), least_share=0.1)
    assert float(loss) == pytest.approx(-(math.log(0.6) + math.log(0.5)) / 2)


def test_at_least_a_share_counts_the_hardest_first() -> None:
    loss = hard_cross_entropy(logits_of([0.9, 0.8, 0.95, 0.99]), ones(4), least_share=0.5)
    assert float(loss) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)


def test_ignored_pixels_neither_count_nor_pull() -> None:
    target = ones(4)
    target[..., 2] = 255
    logits = logits_of([0.9, 0.6, 0.001, 0.99]).requires_grad_()
    loss = hard_cross_entropy(logits, target, least_share=0.1)
    assert float(loss) == pytest.approx(-math.log(0.6))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[..., 2].abs().sum() == 0


def test_the_share_is_one_of_the_known_pixels() -> None:
    target = ones(16)
    target[..., 4:] = 255
    loss = hard_cross_entropy(logits_of([0.8, 0.9, 0.95, 0.99] + [0.5] * 12), target, least_share=0.25)
    assert float(loss) == pytest.approx(-math.log(0.8))


def test_nothing_known_is_no_loss() -> None:
    logits = logits_of([0.5, 0.5]).requires_grad_()
    loss = hard_cross_entropy(logits, torch.full((1, 1, 2), 255))
    assert float(loss) == 0
    loss.backward()


def test_class_weights_multiply_after_the_choice() -> None:
    """A light class is still learnt where it is hard, and a heavy one is not made hard by its weight."""
    logits, target = logits_of([0.6, 0.2, 0.6]), torch.tensor([[[1, 0, 0]]])
    weighted = hard_cross_entropy(logits, target, least_share=0.1, class_weights=torch.tensor([3.0, 0.1]))
    assert float(weighted) == pytest.approx(-(0.1 * math.log(0.6) + 3 * math.log(0.4)) / 2)


def test_a_gradient_step_lowers_it() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 8, 8, requires_grad=True)
    target = torch.randint(0, 5, (2, 8, 8))
    before = hard_cross_entropy(logits, target)
    before.backward()
    assert logits.grad is not None
    assert hard_cross_entropy(logits - 10 * logits.grad, target) < before
