"""Every arrow of section 3.1, pulled by itself: who learns from what, and who does not.

Where pictures matter the generator is two pictures that are its only weights: the first decode gives I_recon, the
second I_fake.
"""

from __future__ import annotations

import copy
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours
from training.checkpoint import save_snapshot
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, batches
from training.frozen.features import FrozenFeatures
from training.losses.wasserstein import gradient_penalty
from training.masking import complete, mask_image
from training.papers.reference.attributes import RATINGS, scaled
from training.papers.reference.extractors import FILL
from training.papers.reference.eyes import eye_crops
from training.papers.reference.losses import Weights, inpainting_losses, weighted_sum
from training.papers.reference.networks import Generator
from training.papers.reference.recipe import build, reference_tiny
from training.papers.reference.rows import JUDGED
from training.papers.reference.step import EYES_JUDGE, FACE_JUDGE, Chance, Manner, ReferenceStep
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


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Files:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "features.safetensors"
    save_snapshot(path, FrozenFeatures("squeezenet1_1").state_dict(), {}, half=False)
    return Files(features=path)


def judged(files: Files, **weights: float) -> ReferenceStep:
    """In the phase "judged", with the named weights alone."""
    none = {field.name: 0.0 for field in fields(Weights)} | {"perceptual": 1e-30}  # looked through, and without a pull
    torch.manual_seed(0)
    step = build(
        files, attributes=RATINGS, weights=Weights(**none | weights), manner=Manner(through_generator=False), width=2,
        judge_width=2, extractor=(2, 0), auxiliary=(2, 0), heads=4, heads_learning_rate=1e-3,
    )  # fmt: skip
    step.phase = JUDGED
    return step


def test_judges_learn_beside_reconstruction_and_the_discriminator_does_not(batch: Batch, features: Files) -> None:
    step = judged(features, hole=1.0, judged_eyes=1.0)
    assert [name for name, _ in step.turns()] == [EYES_JUDGE, FACE_JUDGE, "auxiliary", "generator", "extractor"]
    for name in (EYES_JUDGE, FACE_JUDGE, "generator"):
        assert {key for key, length in pulls(step, name, batch).items() if length > 0} == {name}
    figures = step.update(batch)
    assert all(bool(value.isfinite()) for value in figures.values())
    assert {EYES_JUDGE, FACE_JUDGE, "eyes", "eyes_style", "judged_eyes", "judged_face", "hole"} <= figures.keys()
    step.phase = RECONSTRUCTION
    assert EYES_JUDGE not in dict(step.turns())
    assert "judged_eyes" not in step.generator_loss(batch)[1]


def test_without_features_the_phase_is_reconstruction(batch: Batch) -> None:
    step = judged(Files(), hole=1.0)
    assert [name for name, _ in step.turns()] == ["auxiliary", "generator", "extractor"]
    assert set(step.generator_loss(batch)[1]) == {"hole", "valid"}


@pytest.mark.parametrize("loss", ["eyes", "eyes_style", "judged_eyes", "judged_face"])
def test_each_loss_of_the_judged_phase_pulls_the_hole_of_recon_alone(batch: Batch, features: Files, loss: str) -> None:
    eyes = torch.zeros_like(batch.hole)
    x, y = batch.landmarks[:, 36:48].mean(dim=1).round().int().unbind(dim=1)
    for place in range(len(eyes)):
        eyes[place, :, y[place] - 8 : y[place] + 8, x[place] - 20 : x[place] + 20] = 1
    covered, step = replace(batch, hole=eyes), judged(features, **{loss: 1.0})
    pictures = Pictures(batch.image)
    step.networks["generator"] = pictures
    value, told = step.generator_loss(covered)
    assert float(value.detach()) == pytest.approx(float(told[loss].detach()), rel=1e-4)
    value.backward()
    assert pictures.pictures.grad is not None
    recon, fake = pictures.pictures.grad
    assert float((recon * eyes).abs().max()) > 0
    assert float((recon * (1 - eyes)).abs().max()) == 0
    assert float(fake.abs().max()) == 0
    with torch.no_grad():
        pictures.pictures -= 1e-3 * pictures.pictures.grad / pictures.pictures.grad.norm()
        for network in step.networks.values():
            network.eval()
        again = step.judged_losses(pictures.pictures[0], covered)[loss]
    assert float(again) <= float(told[loss]) + 1e-6


def test_losses_of_the_judged_phase_have_their_weights(batch: Batch, features: Files) -> None:
    for loss in ("eyes", "eyes_style", "judged_eyes", "judged_face"):
        value, told = judged(features, **{loss: 3.0}).generator_loss(batch)
        assert float(value.detach()) == pytest.approx(3 * float(told[loss].detach()), rel=1e-4)


def test_the_judge_of_eyes_sees_eyes_and_the_other_all(batch: Batch, features: Files) -> None:
    step = judged(features)
    seen: list[Tensor] = []
    network = step.frozen["features"]
    assert network is not None
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    step.judge_loss(EYES_JUDGE, batch)
    step.judge_loss(FACE_JUDGE, batch)
    completed = complete(step.painted(batch)[0], batch.image, batch.hole)
    wanted = [eye_crops(picture, batch.landmarks) for picture in (batch.image, completed)] + [batch.image, completed]
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(seen, wanted, strict=True))


def test_a_judge_learns_to_tell_real_from_painted(batch: Batch, features: Files) -> None:
    step, losses = judged(features), list[dict[str, float]]()
    for _ in range(40):
        figures = {name: step.descend(name, [batch], dict(step.turns())[name]) for name in (EYES_JUDGE, FACE_JUDGE)}
        losses.append({name: float(found[name]) for name, found in figures.items()})
        step._kept.clear()
    assert all(losses[-1][name] < losses[0][name] - 0.02 for name in losses[0]), (losses[0], losses[-1])
    real, fake = (
        step.networks[FACE_JUDGE](step.looked_at(FACE_JUDGE, picture, batch)).mean()
        for picture in (batch.image, complete(step.painted(batch)[0], batch.image, batch.hole))
    )
    assert float(real) > float(fake)


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
