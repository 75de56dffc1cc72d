"""Every wire of the finder's training, pulled by itself. The finder is its own maps: their gradient is the loss's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import Painted
from training.data.stream import Batch
from training.papers.finder import losses
from training.papers.finder.losses import FACE, finder_losses
from training.papers.finder.networks import CHANNELS, HEAT, OFFSET, ROLL, SHAPE, SIZE, Finder
from training.papers.finder.step import FinderStep

CHANNELS_OF = {
    "heat": slice(HEAT, HEAT + 1),
    "offset": OFFSET,
    "size": slice(SIZE, SIZE + 1),
    "roll": ROLL,
    "shape": SHAPE,
}
POINTS = torch.tensor([40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90])  # centre (60, 70), size 80


@pytest.fixture
def batch() -> Batch:
    labels = torch.cat((POINTS, torch.tensor([FACE])))[None, None]
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 20:40, 30:90] = 1
    return Batch(torch.rand(1, 3, 128, 128), hole, torch.zeros(1, 68, 2), torch.zeros(1).long(), labels=labels)


def step_of(finder: nn.Module, rate: float = 1.0) -> FinderStep:
    return FinderStep(finder, torch.optim.SGD(finder.parameters(), lr=rate))


def said() -> Tensor:
    """Maps that say something of everything."""
    return 0.5 * torch.randn(1, CHANNELS, 16, 16)


@pytest.mark.parametrize("term", CHANNELS_OF)
def test_each_term_teaches_its_own_channels_the_right_way(batch: Batch, term: str) -> None:
    maps = said().requires_grad_()
    (gradient,) = torch.autograd.grad(finder_losses(maps, batch.labels)[term], maps)
    taught = gradient.abs().sum(dim=(0, 2, 3)) > 0
    assert taught.nonzero()[:, 0].tolist() == list(range(CHANNELS))[CHANNELS_OF[term]]
    with torch.no_grad():
        after = finder_losses(maps - 0.01 * gradient / gradient.abs().max(), batch.labels)
        assert after[term] < finder_losses(maps, batch.labels)[term]


@pytest.mark.parametrize("term", CHANNELS_OF)
def test_the_update_has_every_term_with_its_weight(batch: Batch, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, gradients = said(), {}
    for weight in (0.0, 1.0):
        monkeypatch.setitem(losses.WEIGHTS, term, weight)
        step = step_of(Painted(maps))
        step.update(batch)
        gradients[weight] = step.networks["finder"].answer.grad
    channels = CHANNELS_OF[term]
    assert not gradients[0.0][:, channels].any()
    assert gradients[1.0][:, channels].any()
    rest = [channel for channel in range(CHANNELS) if channel not in list(range(CHANNELS))[channels]]
    assert torch.equal(gradients[0.0][:, rest], gradients[1.0][:, rest])


def test_an_update_moves_the_maps_towards_the_face(batch: Batch) -> None:
    step = step_of(Painted(torch.zeros(1, CHANNELS, 16, 16)), rate=0.1)
    for _ in range(200):
        step.update(batch)
    maps = step.networks["finder"].answer.detach()[0]
    row, column = divmod(int(maps[HEAT].argmax()), 16)
    assert (row, column) == (8, 7)  # pixel (60, 70)
    assert float(maps[SIZE, row, column]) == pytest.approx(float(torch.tensor(80.0).log()) - 4.4, abs=0.05)
    assert maps[ROLL, row, column].tolist() == pytest.approx([0, 1], abs=0.05)  # upright


@pytest.mark.parametrize("term", CHANNELS_OF)
def test_each_term_reaches_the_first_layer(batch: Batch, term: str) -> None:
    finder = Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))
    _, found = step_of(finder).finder_loss(batch)
    first = next(p for p in finder.parameters() if p.ndim == 4)
    (gradient,) = torch.autograd.grad(found[term], first)
    assert first.shape[1] == 4  # picture and hole
    assert gradient.any()


def test_the_finder_sees_the_picture_and_the_hole(batch: Batch) -> None:
    step = step_of(Painted(said()))
    step.update(batch)
    ((image, hole),) = step.networks["finder"].given
    assert torch.equal(image, batch.image)
    assert torch.equal(hole, batch.hole)
