"""Eq. 1 and Eq. 2 by hand."""

import math

import pytest
import torch

from training.papers.gfc import losses


def test_the_weights_are_the_papers_divided_by_the_values_of_a_picture() -> None:
    """Eq. 2 with sums and 300, 300, 0.005 is 49,152 times Eq. 2 with means and these weights."""
    torch.manual_seed(0)
    raw, image = torch.randn(1, 3, 128, 128), torch.randn(1, 3, 128, 128)
    hole = torch.zeros(1, 1, 128, 128)
    local, whole, parsing = torch.tensor(0.7), torch.tensor(0.4), torch.tensor(1.3)
    sums = (raw - image).square().sum() + 300 * local + 300 * whole + 0.005 * 128 * 128 * parsing
    terms = {
        "reconstruction": losses.reconstruction_loss(raw, image, hole),
        "local": local,
        "global": whole,
        "parsing": parsing,
    }
    assert losses.VALUES == 49_152
    assert float(losses.VALUES * losses.weighted_sum(terms, losses.Weights())) == pytest.approx(float(sums), rel=1e-5)


def test_an_absent_loss_counts_nothing() -> None:
    assert float(losses.weighted_sum({"reconstruction": torch.tensor(0.5)}, losses.Weights())) == 0.5


def test_reconstruction_compares_the_whole_picture() -> None:
    raw, image, hole = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    hole[:, :, :2] = 1
    assert float(losses.reconstruction_loss(raw, image, hole)) == 1
    assert float(losses.reconstruction_loss(raw, image, hole, hole_weight=3)) == 2


def test_the_adversarial_loss_is_that_of_the_log() -> None:
    terms = losses.adversarial_losses({"local": torch.zeros(2, 1), "global": torch.full((2, 1), 3.0)})
    assert float(terms["local"]) == pytest.approx(math.log(2))
    assert float(terms["global"]) == pytest.approx(-math.log(1 / (1 + math.exp(-3))))


def test_parsing_follows_the_original_faces_classes() -> None:
    true = torch.zeros(1, 3, 2, 2)
    true[:, 1] = 5
    assert float(losses.parsing_loss(100 * true, true)) == pytest.approx(0, abs=1e-6)
    assert float(losses.parsing_loss(torch.zeros(1, 3, 2, 2), true)) == pytest.approx(math.log(3))


def test_no_gradient_flows_into_the_original_faces_parsing() -> None:
    logits, true = torch.randn(1, 3, 2, 2, requires_grad=True), torch.randn(1, 3, 2, 2, requires_grad=True)
    losses.parsing_loss(logits, true).backward()
    assert logits.grad is not None
    assert true.grad is None


def test_the_local_square_is_the_hole_of_the_paper() -> None:
    hole = torch.zeros(3, 1, 128, 128)
    hole[0, :, 10:74, 60:124] = 1
    hole[1, :, 0:10, 100:128] = 1
    assert losses.squares(hole).tolist() == [[10, 60], [0, 64], [32, 32]]


def test_cutting_takes_the_square() -> None:
    image = torch.arange(128 * 128.0).reshape(1, 1, 128, 128)
    square = losses.cut(image, torch.tensor([[3, 40]]))
    assert square.shape == (1, 1, 64, 64)
    assert square[0, 0, 0, 0] == 3 * 128 + 40
