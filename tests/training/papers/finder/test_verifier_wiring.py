"""Every wire of the second look's training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.data.stream import Batch
from training.papers.finder import step as steps
from training.papers.finder.losses import FACE
from training.papers.finder.networks import Finder
from training.papers.finder.step import VerifierStep, mean_of_each
from training.papers.finder.trials import CHANCE
from training.papers.finder.verifier import VerifiedFinder, Verifier

POINTS = torch.tensor([40.0, 50, 80, 50, 60, 70, 45, 90, 75, 90])  # centre (60, 70), size 80


@pytest.fixture
def batch() -> Batch:
    """Two scenes; the first has a face, drawn as a white square."""
    generator = torch.Generator().manual_seed(0)
    image = 0.2 * torch.rand(2, 3, 128, 128, generator=generator)
    image[0, :, 40:100, 30:90] = 1
    labels = torch.zeros(2, 12, 11)
    labels[0, 0] = torch.cat((POINTS, torch.tensor([FACE])))
    chance = torch.rand(2, CHANCE, generator=generator)
    hole = torch.zeros(2, 1, 128, 128)
    return Batch(image, hole, torch.zeros(2, 0, 2), torch.arange(2), labels=labels, chance=chance)


@pytest.fixture
def step() -> VerifierStep:
    torch.manual_seed(0)
    verified = VerifiedFinder(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)), Verifier(8, 16))
    return VerifierStep(verified, torch.optim.Adam(verified.verifier.parameters(), 1e-3))


def gradients(step: VerifierStep, batch: Batch, term: str) -> Tensor:
    """Of one term, at the rows of the last layer: the logit's, then the points'."""
    step.ready(batch, first=True)
    loss = step.losses(step.networks["verifier"], batch)[term].mean()
    (gradient,) = torch.autograd.grad(loss, step.networks["verifier"].verifier.last.weight)
    return gradient.abs().sum(dim=1)


def test_each_term_teaches_what_it_is_about(step: VerifierStep, batch: Batch) -> None:
    face, points = (gradients(step, batch, term) for term in ("face", "points"))
    assert face[0] > 0
    assert not face[1:].any()
    assert points[0] == 0
    assert points[1:].all()


def test_places_without_a_face_teach_no_points(step: VerifierStep, batch: Batch) -> None:
    batch.labels.zero_()
    assert not gradients(step, batch, "points").any()
    assert gradients(step, batch, "face")[0] > 0


def test_the_points_weigh_as_said(step: VerifierStep, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    once = gradients(step, batch, "points")
    monkeypatch.setattr(steps, "POINTS_WEIGHT", 2 * steps.POINTS_WEIGHT)
    assert torch.allclose(gradients(step, batch, "points"), 2 * once)


def test_updates_tell_faces_from_the_rest_and_move_no_weight_of_the_maps(step: VerifierStep, batch: Batch) -> None:
    before = {name: value.clone() for name, value in step.networks["verifier"].finder.state_dict().items()}
    first = step.update(batch)
    for _ in range(30):
        last = step.update(batch)
    assert last["face"] < 0.3 * first["face"]
    assert last["points"] < 0.5 * first["points"]
    after = step.networks["verifier"].finder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_every_weight_of_the_second_look_learns(step: VerifierStep, batch: Batch) -> None:
    verifier = step.networks["verifier"].verifier
    before = {name: parameter.detach().clone() for name, parameter in verifier.named_parameters()}
    for _ in range(3):
        step.update(batch)
    assert [name for name, p in verifier.named_parameters() if torch.equal(before[name], p)] == []


def test_scenes_count_alike_however_many_places_they_have(step: VerifierStep, batch: Batch) -> None:
    whole = step.losses(step.networks["verifier"].eval(), batch)
    for one in range(2):
        alone = Batch(
            **{
                name: value[one : one + 1] if isinstance(value, Tensor) else value
                for name, value in vars(batch).items()
            }
        )
        for term, loss in step.losses(step.networks["verifier"], alone).items():
            assert loss.tolist() == pytest.approx([float(whole[term][one])], abs=1e-4)


def test_means_of_each_scene() -> None:
    values, weights = torch.tensor([1.0, 3, 5, 9]), torch.tensor([1.0, 1, 0, 1])
    assert mean_of_each(values, weights, torch.tensor([0, 0, 1, 2]), 4).tolist() == [2, 0, 9, 0]


def test_the_figure_of_validation_is_every_scene_s_loss(step: VerifierStep, batch: Batch) -> None:
    networks = {"verifier": step.networks["verifier"].eval()}
    losses = step.losses(networks["verifier"], batch)
    assert torch.allclose(step.judge(networks, batch)["loss"], losses["face"] + losses["points"])


def test_the_sheet_shows_what_the_maps_name_and_what_is_found(step: VerifierStep, batch: Batch) -> None:
    with torch.no_grad():
        sheet = step.sheet({"verifier": step.networks["verifier"].eval()}, batch)
    assert sheet.shape == (2, 2, 3, 128, 128)
    assert 0 <= sheet.min() <= sheet.max() <= 1
