"""Every arrow of section 3.1, pulled by itself: who learns from what, and who does not.

Where pictures matter the generator is two pictures that are its only weights: the first decode gives I_recon, the
second I_fake.
"""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours
from training.checkpoint import save_snapshot
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, batches
from training.frozen.features import FrozenFeatures
from training.judged import JUDGED, JUDGES, JudgedWeights
from training.losses.wasserstein import gradient_penalty
from training.masking import complete, mask_image
from training.papers.reference.attributes import RATINGS, scaled
from training.papers.reference.extractors import FILL
from training.papers.reference.losses import Weights, inpainting_losses, weighted_sum
from training.papers.reference.networks import Generator
from training.papers.reference.recipe import build, reference_tiny
from training.papers.reference.step import Chance, Manner, ReferenceStep
from training.recipe import Files
from training.step import RECONSTRUCTION

PAPER, LAMBDAS = Manner(), Weights()
COUNT = len(RATINGS)


@pytest.fixture(scope="module")
def batch() -> Batch:
    part = reference_tiny().part("generator")
    found = next(batches(part.stream(DrawnFaces(2, 128), part, part.stages[-1]), start=0, batch_size=2, workers=0))
    assert found.attributes is not None
    labels = found.attributes.clone()
    labels[0] = torch.linspace(10, 90, COUNT)  # the first face has every label, the second only drawn ones
    return replace(found, attributes=labels)


def tiny(manner: Manner = PAPER, weights: Weights = LAMBDAS) -> ReferenceStep:
    torch.manual_seed(0)
    return build(
        Files(), attributes=RATINGS, weights=weights, manner=manner, width=2, judge_width=2, extractor=(2, 0),
        auxiliary=(2, 0),
    )  # fmt: skip


class Pictures(Generator):
    """I_recon and I_fake are its weights; `given` keeps the attributes of each decode."""

    def __init__(self, image: Tensor) -> None:
        super().__init__(2, COUNT)
        self.pictures = nn.Parameter(torch.rand(2, *image.shape) * 0.5 + 0.25)
        self.given: list[Tensor] = []

    def decode(self, features: list[Tensor], maps: list[Tensor], attributes: Tensor) -> Tensor:
        self.given.append(attributes)
        return self.pictures[(len(self.given) - 1) % 2] * 1


def painted(batch: Batch, manner: Manner = PAPER, weights: Weights = LAMBDAS) -> tuple[ReferenceStep, Pictures]:
    step = tiny(manner, weights)
    pictures = Pictures(batch.image)
    step.networks["generator"] = pictures
    step.optimizers["generator"] = torch.optim.SGD(pictures.parameters(), 0.0)
    return step, pictures


def pulls(step: ReferenceStep, name: str, batch: Batch) -> dict[str, float]:
    """The length of the gradient that one turn gives each network; 0 where there is none."""
    for network in step.networks.values():
        network.zero_grad(set_to_none=True)
    turns = dict(step.turns())
    loss, _ = turns[name](batch)
    loss.backward()
    step._kept.clear()
    found = {}
    for key, network in step.networks.items():
        slopes = [p.grad.norm() for p in network.parameters() if p.grad is not None]
        found[key] = float(torch.stack(slopes).norm()) if slopes else 0.0
    return found


@pytest.mark.parametrize("name", ["auxiliary", "discriminator", "generator", "extractor"])
@pytest.mark.parametrize("through", [True, False])
def test_each_turn_teaches_its_own_network_alone(batch: Batch, name: str, through: bool) -> None:
    found = pulls(tiny(Manner(through_generator=through)), name, batch)
    assert {key for key, length in found.items() if length > 0} == {name}


def test_an_update_moves_all_four_and_each_phase_its_own(batch: Batch) -> None:
    direct = Manner(through_generator=False)
    for phase, manner, moved in (
        ("labels", PAPER, {"auxiliary"}),
        (RECONSTRUCTION, PAPER, {"auxiliary", "generator"}),
        (RECONSTRUCTION, direct, {"auxiliary", "generator", "extractor"}),
        ("", PAPER, {"auxiliary", "discriminator", "generator", "extractor"}),
    ):
        step = tiny(manner)
        step.phase = phase
        before = {name: [p.clone() for p in network.parameters()] for name, network in step.networks.items()}
        figures = step.update(batch)
        assert all(bool(value.isfinite()) for value in figures.values())
        changed = {
            name
            for name, network in step.networks.items()
            if any(not torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True))
        }
        assert changed == moved


def test_the_judged_phase_is_of_recon_alone(batch: Batch, tmp_path: Path) -> None:
    """`tests/training/test_judged.py` has its terms; here: which of the two decodes they pull."""
    torch.manual_seed(0)
    path = tmp_path / "features.safetensors"
    save_snapshot(path, FrozenFeatures("squeezenet1_1").state_dict(), {}, half=False)
    none = Weights(**{field.name: 0.0 for field in fields(Weights)} | {"perceptual": 1e-30})  # looked through, no pull
    step = build(
        Files(features=path), attributes=RATINGS, weights=none, manner=Manner(through_generator=False), width=2,
        judge_width=2, extractor=(2, 0), auxiliary=(2, 0), judged_weights=JudgedWeights(judged_face=1.0), heads=4,
    )  # fmt: skip
    step.phase = JUDGED
    assert [name for name, _ in step.turns()] == [*JUDGES, "auxiliary", "generator", "extractor"]
    pictures = Pictures(batch.image)
    step.networks["generator"] = pictures
    step.generator_loss(batch)[0].backward()
    assert pictures.pictures.grad is not None
    recon, fake = pictures.pictures.grad
    assert float(recon.abs().max()) > 0
    assert float(fake.abs().max()) == 0


def gradients(step: ReferenceStep, name: str, batch: Batch) -> list[Tensor]:
    pulls(step, name, batch)
    return [p.grad.clone() for p in step.networks[name].parameters() if p.grad is not None]


def other_labels(batch: Batch) -> Batch:
    assert batch.attributes is not None
    return replace(batch, attributes=100 - batch.attributes)


def alike(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("through", [True, False])
def test_labels_teach_the_auxiliary_extractor_and_never_the_attribute_extractor(batch: Batch, through: bool) -> None:
    """The trap of Eq. 9."""
    manner = Manner(through_generator=through)
    first, second = (gradients(tiny(manner), "extractor", one) for one in (batch, other_labels(batch)))
    assert alike(first, second)
    assert not alike(gradients(tiny(), "auxiliary", batch), gradients(tiny(), "auxiliary", other_labels(batch)))


def test_labels_that_are_missing_teach_nothing(batch: Batch) -> None:
    nothing = replace(batch, attributes=torch.full((2, COUNT), float("nan")))
    loss, _ = tiny().auxiliary_loss(nothing)
    assert float(loss.detach()) == 0
    loss.backward()
    assert pulls(tiny(), "auxiliary", nothing)["auxiliary"] == 0
    assert batch.attributes is not None
    one = replace(batch, attributes=torch.where(torch.arange(2)[:, None] == 0, batch.attributes, float("nan")))
    step = tiny()
    found = step.networks["auxiliary"](batch.image)[0]
    expected = (found - step.labels(batch)[0]).square().sum() / (2 * COUNT)
    assert float(step.auxiliary_loss(one)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_the_attribute_extractor_learns_what_the_auxiliary_one_sees_in_the_fake(batch: Batch) -> None:
    """Directly, as the target of the frozen auxiliary extractor."""
    step = tiny(Manner(through_generator=False))
    fake = step.painted(batch)[1].detach()
    wanted = step.networks["auxiliary"](fake).detach()
    found = step.networks["extractor"](batch.image)
    expected = (found - wanted).square().mean()
    assert float(step.extractor_loss(batch)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_near_draws_the_fake_to_the_reconstruction_inside_the_hole_alone(batch: Batch) -> None:
    step, pictures = painted(batch, weights=replace(Weights(), adversarial=0.0, attributes=0.0, near=2.0))
    loss, told = step.generator_loss(batch)
    recon, fake = pictures.pictures.detach()
    expected = ((fake - recon) * batch.hole).square().mean()
    assert float(told["near"].detach()) == pytest.approx(float(expected), rel=1e-5)
    loss.backward()
    assert pictures.pictures.grad is not None
    pulled = pictures.pictures.grad[1]
    assert (pulled * (fake - recon) >= 0).all()
    assert pulled.abs().sum() > 0
    assert (pulled * (1 - batch.hole.amax(dim=0))).abs().max() == 0
    assert "near" not in painted(batch)[0].generator_loss(batch)[1]


@pytest.mark.parametrize(
    ("redrawn", "reach", "share"), [(1.0, 0.0, 1.0), (1.0, 0.5, 0.5), (1.0, 0.1, 1.0), (0.0, 0.5, 1.0)]
)
def test_redrawn_attributes_are_asked_for_as_far_as_the_hole_reaches(
    batch: Batch, redrawn: float, reach: float, share: float
) -> None:
    """A quarter of the picture is missing; what the extractor found itself is always asked for as it is."""
    quarter = torch.zeros_like(batch.hole)
    quarter[..., : quarter.shape[2] // 2, : quarter.shape[3] // 2] = 1
    covered = replace(batch, hole=quarter)
    step, _ = painted(covered, Manner(through_generator=False, redrawn=redrawn, reach=reach))
    with torch.no_grad():
        present, wanted = step.networks["auxiliary"](covered.image), step.extracted(covered)
        _, told = step.generator_loss(covered)
        fake = step.networks["auxiliary"](step.painted(covered)[1])
    assert (present - wanted).abs().max() > 0.1
    torch.testing.assert_close(step.reached(covered), present + share * (wanted - present))
    assert float(told["attributes"]) == pytest.approx(float((fake - step.reached(covered)).square().mean()), rel=1e-4)


def test_in_the_demo_it_begins_with_what_that_one_sees_in_recon(batch: Batch) -> None:
    step, pictures = painted(batch, Manner(through_generator=False, redrawn=1.0))
    step.phase = RECONSTRUCTION
    with torch.no_grad():
        wanted = step.networks["auxiliary"](pictures.pictures[0])
    expected = (step.networks["extractor"](batch.image) - wanted).square().mean()
    assert float(step.extractor_loss(batch)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_the_papers_gradient_reaches_the_extractor_through_generator_and_auxiliary(batch: Batch) -> None:
    step = tiny()
    found = step.networks["extractor"](batch.image)
    seen = step.networks["auxiliary"](step.repainted(batch, found))
    whole = torch.autograd.grad((seen - found).square().mean(), found, retain_graph=True)[0]
    direct = torch.autograd.grad((seen.detach() - found).square().mean(), found, retain_graph=True)[0]
    through = torch.autograd.grad((seen - found.detach()).square().mean(), found)[0]
    assert torch.allclose(whole, direct + through, atol=1e-7)
    assert float(through.abs().max()) > 0
    with_both, with_one = (gradients(tiny(Manner(through_generator=on)), "extractor", batch) for on in (True, False))
    assert not alike(with_both, with_one)


def test_recon_is_decoded_with_the_true_and_fake_with_the_extracted_attributes(batch: Batch) -> None:
    step, pictures = painted(batch)
    with torch.no_grad():
        estimates = step.networks["auxiliary"](batch.image)
        extracted = step.networks["extractor"](batch.image)
    step.painted(batch)
    recon, fake = pictures.given
    labels = scaled(batch.attributes, RATINGS)
    assert bool(labels[1].isnan().any())
    assert torch.allclose(recon, torch.where(labels.isnan(), estimates, labels))
    assert torch.allclose(fake, extracted)
    assert not fake.requires_grad


def pulled(batch: Batch, manner: Manner = PAPER, weights: Weights = LAMBDAS) -> tuple[Tensor, Tensor]:
    """Gradients at I_recon and I_fake, from the generator's whole turn."""
    step, pictures = painted(batch, manner, weights)
    step.frozen["features"] = FrozenColours()
    loss, _ = step.generator_loss(batch)
    loss.backward()
    assert pictures.pictures.grad is not None
    return pictures.pictures.grad[0], pictures.pictures.grad[1]


def test_recon_gets_the_inpainting_losses_alone(batch: Batch) -> None:
    recon, _ = pulled(batch)
    _, pictures = painted(batch)
    answer = pictures.pictures[0].detach().clone().requires_grad_()
    weights = Weights()
    losses = inpainting_losses(answer, batch.image, batch.hole, FrozenColours(), weights)
    assert set(losses) == {"hole", "valid", "structure", "perceptual", "style"}
    weighted_sum(losses, weights).backward()
    assert answer.grad is not None
    assert torch.allclose(recon, answer.grad, atol=1e-8)


def test_fake_gets_the_adversarial_and_the_attribute_loss_alone(batch: Batch) -> None:
    _, fake = pulled(batch)
    step, pictures = painted(batch)
    answer = pictures.pictures[1].detach().clone().requires_grad_()
    wanted = step.networks["extractor"](batch.image).detach()
    pleased = -step.networks["discriminator"](answer).mean()
    told = (step.networks["auxiliary"](answer) - wanted).square().mean()
    (0.1 * pleased + told).backward()
    assert answer.grad is not None
    assert torch.allclose(fake, answer.grad, rtol=1e-3, atol=1e-8)
    quiet = replace(Weights(), adversarial=0.0, attributes=0.0)
    assert float(pulled(batch, weights=quiet)[1].abs().max()) == 0


@pytest.mark.parametrize("whole", [True, False])
def test_the_judges_of_the_demo_see_the_hole_alone(batch: Batch, whole: bool) -> None:
    _, fake = pulled(batch, Manner(whole_fakes=whole))
    outside = float((fake * (1 - batch.hole)).abs().max())
    assert (outside > 0) == whole
    assert float((fake * batch.hole).abs().max()) > 0


def test_the_discriminators_fake_is_never_recon(batch: Batch) -> None:
    step, pictures = painted(batch)
    discriminator = step.networks["discriminator"].eval()
    _, figures = step.discriminator_loss(batch)
    fake = pictures.pictures[1].detach()
    with torch.no_grad():
        critic = discriminator(fake).mean() - discriminator(batch.image).mean()
    assert float(figures["critic"].detach()) == pytest.approx(float(critic), rel=1e-4)
    penalty = gradient_penalty(discriminator, batch.image, fake, Chance(batch, COUNT).places)
    assert float(figures["penalty"].detach()) == pytest.approx(float(penalty.detach()), rel=1e-4)


def test_spectral_norms_move_once_with_the_scores_and_not_with_the_penalty(batch: Batch) -> None:
    step = tiny()
    other, fake = copy.deepcopy(step.networks["discriminator"]), step.painted(batch)[1].detach()
    step.discriminator_loss(batch)
    other(torch.cat((batch.image, fake)))
    for (name, one), again in zip(step.networks["discriminator"].named_buffers(), other.buffers(), strict=True):
        assert torch.equal(one, again), name


def test_the_extractor_of_the_demo_sees_some_pictures_with_their_holes(batch: Batch) -> None:
    assert torch.equal(tiny().shown(batch), batch.image)
    assert torch.equal(tiny(Manner(hidden=1.0)).shown(batch), mask_image(batch.image, batch.hole, FILL))


def test_redrawn_attributes_teach_the_generator_and_not_the_extractor(batch: Batch) -> None:
    step = tiny(Manner(through_generator=False, redrawn=1.0))
    with torch.no_grad():
        found = step.networks["extractor"](batch.image)
    wanted = step.extracted(batch)
    drawn = Chance(batch, COUNT)
    assert torch.equal(wanted, torch.where(drawn.choices < 0.5, drawn.drawn, found))
    assert not torch.equal(wanted, found)
    assert pulls(step, "extractor", batch)["extractor"] == 0
    assert pulls(step, "generator", batch)["generator"] > 0


def test_without_the_attribute_constraint_its_loss_is_left_out(batch: Batch) -> None:
    _, losses = tiny(weights=replace(Weights(), attributes=0.0)).generator_loss(batch)
    assert "attributes" not in losses
    assert "adversarial" in losses


def test_numbers_of_the_attention_stay_in_their_bounds(batch: Batch) -> None:
    step = tiny()
    gaussian = step.generator.forward_branch.levels[0].gaussian
    gaussian.a.data.fill_(100)
    step.update(batch)
    assert float(gaussian.a.detach()) <= 6


def test_the_generator_overfits_one_batch(batch: Batch) -> None:
    step = build(
        Files(), attributes=RATINGS, width=8, judge_width=2, extractor=(2, 64), auxiliary=(2, 64), learning_rate=3e-3,
        muon_length=0.02,
    )  # fmt: skip
    step.phase = RECONSTRUCTION
    first = step.update(batch)
    for _ in range(60):
        last = step.update(batch)
    assert float(last["hole"]) < 0.3 * float(first["hole"])
    assert float(last["auxiliary"]) < 0.3 * float(first["auxiliary"])


def test_the_sheet_turns_attributes_and_leaves_the_rest(batch: Batch) -> None:
    step = tiny()
    with torch.no_grad():
        sheet = step.sheet(step.networks, batch)
    assert sheet.shape == (2, 9, 3, 128, 128)
    assert torch.equal(sheet[:, 0], mask_image(batch.image, batch.hole, FILL))
    differences = (sheet[:, 2] - sheet[:, 3]).abs()
    assert float((differences * (1 - batch.hole)).max()) == 0
    assert float(differences.max()) > 0
    assert torch.equal(
        sheet[:, 1] * (1 - batch.hole), complete(sheet[:, 1], batch.image, batch.hole) * (1 - batch.hole)
    )
