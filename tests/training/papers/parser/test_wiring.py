"""Every wire of the parser's training, pulled by itself. The parser is its own logits: their gradient is the loss's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, Wants, batches
from training.papers.parser.networks import Parser, spread
from training.papers.parser.recipe import NO_HOLES
from training.papers.parser.step import ParserStep

CLASSES = 11
HEADS = {"main": "conv_out", "at_8": "conv_out16", "at_16": "conv_out32"}
HAIR = 10


class Logits(nn.Module):
    """Three answers of their own sizes, whatever is shown; `given` keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = nn.ParameterList(nn.Parameter(torch.zeros(2, CLASSES, side, side)) for side in (8, 8, 4))
        self.given: list[Tensor] = []

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        self.given.append(image)
        return tuple(answer * 1 for answer in self.answers)


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, 64), NO_HOLES, pixels=64, seed=0, wants=Wants(parsing_classes=CLASSES))
    return next(batches(stream, start=0, batch_size=2, workers=0))


def step_of(parser: nn.Module, rate: float = 0.1, class_weights: Sequence[float] | None = None) -> ParserStep:
    given = None if class_weights is None else tuple(class_weights)
    optimizer = torch.optim.SGD(parser.parameters(), lr=rate)
    return ParserStep(parser, optimizer, classes=CLASSES, class_weights=given)


@pytest.mark.parametrize("term", HEADS)
def test_each_term_teaches_its_own_head_and_what_lies_below(batch: Batch, term: str) -> None:
    parser = Parser(CLASSES, width=4)
    _, losses = step_of(parser).parser_loss(batch)
    heads = {name: getattr(parser, head).conv_out.weight for name, head in HEADS.items()}
    gradients = torch.autograd.grad(
        losses[term], [*heads.values(), parser.cp.resnet.conv1.weight], allow_unused=True, retain_graph=True
    )
    taught = {name for name, g in zip([*heads, "below"], gradients, strict=True) if g is not None and g.any()}
    assert taught == {term, "below"}


def test_the_whole_loss_is_the_sum_of_the_heads(batch: Batch) -> None:
    total, losses = step_of(Logits()).parser_loss(batch)
    assert total.item() == pytest.approx(sum(losses[name].item() for name in HEADS))  # BiSeNet, Eq. 4, alpha = 1


@pytest.mark.parametrize("place", range(len(HEADS)))
def test_each_head_is_moved_towards_the_labels(batch: Batch, place: int) -> None:
    step = step_of(Logits(), rate=100.0)
    for _ in range(20):
        step.update(batch)
    answer = spread(step.networks["parser"].answers[place].detach(), 64, 64)
    assert float(F.cross_entropy(answer, batch.parsing)) < 0.5 * math.log(CLASSES)  # half of what guessing costs
    assert (answer.argmax(dim=1) == batch.parsing).float().mean() > 0.7


def test_a_class_of_weight_nothing_pulls_nowhere(batch: Batch) -> None:
    step = step_of(Logits(), class_weights=[0.0] * HAIR + [1.0])
    step.update(batch)
    assert (batch.parsing == HAIR).any()
    for answer in step.networks["parser"].answers:
        assert (answer.grad[:, HAIR] <= 0).all()  # hair alone is wanted, other classes only less
        assert (answer.grad[:, :HAIR] >= 0).all()
    quiet = step_of(Logits(), class_weights=[0.0] * CLASSES)
    quiet.update(batch)
    assert not any(answer.grad.any() for answer in quiet.networks["parser"].answers)


def test_what_is_unknown_teaches_nothing(batch: Batch) -> None:
    step = step_of(Logits())
    unknown = torch.full_like(batch.parsing, 255)
    step.update(Batch(batch.image, batch.hole, batch.landmarks, batch.position, parsing=unknown))
    assert not any(answer.grad.any() for answer in step.networks["parser"].answers)


def test_the_parser_sees_the_picture_less_imagenets_mean_over_its_deviation(batch: Batch) -> None:
    step = step_of(Logits())
    step.update(batch)
    (shown,) = step.networks["parser"].given
    mean = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
    deviation = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
    assert torch.allclose(shown, (batch.image - mean) / deviation, atol=1e-5)
