import pytest
import torch

from training.papers.lafin.losses import Weights, generator_losses, landmark_loss, pixel_loss, weighted_sum


def test_landmark_loss_is_eq_1() -> None:
    target = torch.zeros(2, 68, 2)
    predicted = torch.zeros(2, 68, 2)
    predicted[0, 0] = torch.tensor([3.0, 4.0])
    assert landmark_loss(predicted, target).item() == pytest.approx(25 / 2)
    assert landmark_loss(predicted, target, squared=False).item() == pytest.approx(5 / 2, abs=1e-3)


def test_pixel_loss_divides_by_the_missing_pixels() -> None:
    image, raw = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    raw[..., 0, 0] = 0.5
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., 0, :2] = 1
    assert pixel_loss(raw, image, hole).item() == pytest.approx(1.5 / 2)
    assert torch.isfinite(pixel_loss(raw, image, torch.zeros_like(hole)))


def test_the_weights_of_eq_7() -> None:
    terms = ("pixel", "perceptual", "style", "variation", "adversarial")
    losses = {name: torch.tensor(1.0) for name in terms}
    assert weighted_sum(losses, Weights()).item() == pytest.approx(1 + 0.1 + 250 + 0.1 + 0.01)


def test_without_a_feature_network_two_terms_are_left_out() -> None:
    image = torch.rand(1, 3, 8, 8)
    hole = torch.ones(1, 1, 8, 8)
    losses = generator_losses(image, image, hole, torch.ones(1, 1, 2, 2), None)
    assert set(losses) == {"pixel", "variation", "adversarial"}
    assert losses["pixel"] == 0
    assert losses["adversarial"] == 0
