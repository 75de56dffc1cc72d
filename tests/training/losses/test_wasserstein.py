import pytest
import torch
from torch import Tensor, nn

from training.losses.wasserstein import gradient_penalty, wasserstein_critic, wasserstein_generator


def test_the_critic_raises_real_scores_and_the_generator_those_of_fakes() -> None:
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0])
    assert float(wasserstein_critic(real, fake)) == pytest.approx(0.5 - 3)
    assert float(wasserstein_generator(fake)) == pytest.approx(-0.5)


@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_plane_is_known(length: float) -> None:
    slope = torch.randn(3, 4, 4)
    slope = slope * length / slope.norm()
    real, fake = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    penalty = gradient_penalty(lambda x: (x * slope).sum(dim=(1, 2, 3)), real, fake, torch.tensor([0.2, 0.9]))
    assert float(penalty) == pytest.approx((length - 1) ** 2, abs=1e-5)


def test_the_points_lie_between_fake_and_real() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(dim=(1, 2, 3))

    gradient_penalty(critic, torch.ones(2, 3, 2, 2), torch.zeros(2, 3, 2, 2), torch.tensor([0.25, 1.0]))
    assert seen[0][:, 0, 0, 0].tolist() == [0.25, 1.0]


def test_it_teaches_the_critic_alone() -> None:
    critic = nn.Sequential(nn.Conv2d(3, 2, 3), nn.LeakyReLU(0.2), nn.Conv2d(2, 1, 2), nn.Flatten(0))
    real, fake = torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4, requires_grad=True)
    gradient_penalty(critic, real, fake, torch.tensor([0.5])).backward()
    assert critic[0].weight.grad is not None
    assert real.grad is None
    assert fake.grad is None
