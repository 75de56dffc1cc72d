"""The phase "judged": its terms on a generator that is nothing but a picture, then the rooms that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import Painted
from training.checkpoint import save_snapshot
from training.data.drawn import DrawnFaces
from training.data.eyes import eye_crops
from training.data.holes import Mixture
from training.data.stream import Batch, FaceStream, batches
from training.frozen.features import FrozenFeatures
from training.judged import EYES_JUDGE, FACE_JUDGE, JUDGED, JUDGES, JudgedStep, JudgedWeights, feature_judges
from training.masking import complete
from training.papers.dsa.recipe import dsa_tiny
from training.papers.reference.recipe import reference_tiny
from training.papers.showface.recipe import showface_tiny
from training.recipe import Files, Part
from training.step import RECONSTRUCTION, Figures, Turn

PIXELS = 128
TERMS = ("eyes", "eyes_style", "judged_eyes", "judged_face")
ROOMS = {
    "dsa": dsa_tiny().part("generator"),
    "reference": reference_tiny().part("generator"),
    "showface": showface_tiny().part("refiner"),
}


@pytest.fixture(scope="module")
def features() -> FrozenFeatures:
    torch.manual_seed(0)
    return FrozenFeatures("squeezenet1_1")


@pytest.fixture(scope="module")
def files(features: FrozenFeatures, tmp_path_factory: pytest.TempPathFactory) -> Files:
    path = tmp_path_factory.mktemp("features") / "features.safetensors"
    save_snapshot(path, features.state_dict(), {}, half=False)
    return Files(features=path)


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two faces without their eyes."""
    stream = FaceStream(DrawnFaces(2, PIXELS), Mixture(((1.0, "eyes"),)), pixels=PIXELS, seed=0)
    return next(batches(stream, start=0, batch_size=2, workers=0))


class Bare(JudgedStep):
    """Nothing of its own but an L1."""

    phases = (RECONSTRUCTION, JUDGED)
    shipped = ("generator",)

    def __init__(self, picture: Tensor, features: FrozenFeatures | None, weights: JudgedWeights, heads: int) -> None:
        torch.manual_seed(0)
        judges, adams = feature_judges(features, heads, 1e-3)
        generator = Painted(picture)
        still = torch.optim.SGD(generator.parameters(), lr=0.0)
        super().__init__({"generator": generator, **judges}, {"generator": still, **adams}, {"features": features})
        self.judged_weights = weights
        self.phase = JUDGED

    def turns(self) -> Sequence[Turn]:
        return *self.judges_turns(), ("generator", self.generator_loss)

    def completed(self, batch: Batch) -> Tensor:
        return complete(self.once("raw", batch, lambda: self.networks["generator"](batch)), batch.image, batch.hole)

    def generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        loss = (self.completed(batch) - batch.image).abs().mean()
        return self.with_judges(0 * loss, {"hole": loss}, batch)

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        return self.completed(batch).unsqueeze(1)


def bare(batch: Batch, features: FrozenFeatures | None, *, heads: int = 4, **weights: float) -> Bare:
    torch.manual_seed(1)
    picture = (0.5 + 0.1 * torch.randn_like(batch.image)).clamp(0, 1)
    return Bare(picture, features, JudgedWeights(**weights), heads)


@pytest.mark.parametrize("term", TERMS)
def test_each_term_pulls_the_hole_alone_and_by_its_weight(batch: Batch, features: FrozenFeatures, term: str) -> None:
    step = bare(batch, features, **{term: 3.0})
    value, told = step.generator_loss(batch)
    assert float(value.detach()) == pytest.approx(3 * float(told[term].detach()), rel=1e-4)
    value.backward()
    picture = step.networks["generator"].answer
    assert isinstance(picture, nn.Parameter)
    assert picture.grad is not None
    assert float((picture.grad * batch.hole).abs().max()) > 0
    assert float((picture.grad * (1 - batch.hole)).abs().max()) == 0
    with torch.no_grad():
        picture -= 1e-3 * picture.grad / picture.grad.norm()
    step._kept.clear()
    for network in step.networks.values():
        network.eval()
    assert float(step.generator_loss(batch)[1][term]) <= float(told[term].detach()) + 1e-6


def test_terms_come_in_the_phase_alone(batch: Batch, features: FrozenFeatures) -> None:
    step = bare(batch, features, eyes=1.0, judged_eyes=1.0)
    assert [name for name, _ in step.turns()] == [*JUDGES, "generator"]
    assert set(step.generator_loss(batch)[1]) == {"hole", *TERMS}
    step.phase = RECONSTRUCTION
    assert [name for name, _ in step.turns()] == ["generator"]
    value, told = step.generator_loss(batch)
    assert set(told) == {"hole"}
    assert float(value.detach()) == 0


def test_without_features_there_is_nobody_and_without_judges_the_eyes_are_left(
    batch: Batch, features: FrozenFeatures
) -> None:
    blind = bare(batch, None, eyes=1.0)
    assert set(blind.networks) == {"generator"}
    assert set(blind.generator_loss(batch)[1]) == {"hole"}
    without = bare(batch, features, heads=0, eyes=1.0)
    assert [name for name, _ in without.turns()] == ["generator"]
    assert set(without.generator_loss(batch)[1]) == {"hole", "eyes", "eyes_style"}


def test_the_judge_of_eyes_sees_eyes_and_the_other_all(batch: Batch, features: FrozenFeatures) -> None:
    step, seen = bare(batch, features), list[Tensor]()
    hook = features.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        step.judge_loss(EYES_JUDGE, batch)
        step.judge_loss(FACE_JUDGE, batch)
    finally:
        hook.remove()
    completed = step.completed(batch)
    wanted = [eye_crops(picture, batch.landmarks) for picture in (batch.image, completed)] + [batch.image, completed]
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(seen, wanted, strict=True))


def test_asking_the_judges_teaches_them_nothing_and_their_turn_teaches_nobody_else(
    batch: Batch, features: FrozenFeatures
) -> None:
    step = bare(batch, features, judged_eyes=1.0, judged_face=1.0)
    step.generator_loss(batch)[0].backward()
    judges = [p for name in JUDGES for p in step.networks[name].parameters()]
    assert all(p.grad is None and p.requires_grad for p in judges)
    step._kept.clear()
    (picture,) = step.networks["generator"].parameters()
    picture.grad = None
    step.judge_loss(FACE_JUDGE, batch)[0].backward()
    assert picture.grad is None
    assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in step.networks[FACE_JUDGE].parameters())


def test_judges_learn_to_tell_real_from_painted(batch: Batch, features: FrozenFeatures) -> None:
    step, losses = bare(batch, features), list[dict[str, float]]()
    for _ in range(40):
        figures = {name: step.descend(name, [batch], dict(step.turns())[name]) for name in JUDGES}
        losses.append({name: float(found[name]) for name, found in figures.items()})
        step._kept.clear()
    assert all(losses[-1][name] < losses[0][name] - 0.02 for name in losses[0]), (losses[0], losses[-1])
    real, fake = (
        step.networks[FACE_JUDGE](step.looked_at(FACE_JUDGE, picture, batch)).mean()
        for picture in (batch.image, step.completed(batch))
    )
    assert float(real) > float(fake)


def first_batch(part: Part) -> Batch:
    faces = DrawnFaces(2, part.stages[-1].pixels)
    return next(batches(part.stream(faces, part, part.stages[-1]), start=0, batch_size=2, workers=0))


@pytest.mark.parametrize("room", ROOMS)
def test_in_each_room_judges_learn_in_their_phase_and_the_papers_discriminators_rest(room: str, files: Files) -> None:
    part = ROOMS[room]
    torch.manual_seed(0)
    step = part.build(files)
    assert isinstance(step, JudgedStep)
    assert JUDGED in {stage.phase for stage in part.stages}
    step.phase = JUDGED
    resting = {name: [p.clone() for p in network.parameters()] for name, network in step.networks.items()}
    figures = step.update(first_batch(part))
    assert {*JUDGES, *TERMS} <= figures.keys()
    assert all(bool(value.isfinite()) for value in figures.values())
    moved = {
        name
        for name, network in step.networks.items()
        if any(not torch.equal(a, b) for a, b in zip(resting[name], network.parameters(), strict=True))
    }
    assert moved >= {*JUDGES, part.name}
    rest = set(step.networks) - moved
    assert rest == set(step.networks) & {"discriminator", "extractor", *getattr(step, "judges", ())}


@pytest.mark.parametrize("room", ROOMS)
def test_in_each_room_the_terms_move_what_the_generator_paints(room: str, files: Files) -> None:
    """And have the weights of the recipe."""
    part = ROOMS[room]
    found, losses = first_batch(part), list[float]()
    for weights in (JudgedWeights(), JudgedWeights(judged_face=1.0), None):
        torch.manual_seed(0)
        step = part.build(files)
        assert isinstance(step, JudgedStep)
        own = step.judged_weights
        step.phase, step.judged_weights = JUDGED, own if weights is None else weights
        for network in step.networks.values():
            network.eval()
        name, objective = step.turns()[2 + (room == "reference")]
        assert name == part.name
        value, told = objective(found)
        losses.append(float(value.detach()))
        assert torch.autograd.grad(value, next(step.networks[name].parameters()), allow_unused=True)[0] is not None
    expected = [losses[0], losses[0] + float(told["judged_face"].detach()), losses[0]]
    expected[2] += sum(getattr(own, term) * float(told[term].detach()) for term in TERMS)
    assert losses == pytest.approx(expected, rel=1e-4)
    assert min(getattr(own, term) for term in TERMS) > 0


def test_the_hole_of_one_picture_does_not_reach_another(batch: Batch, features: FrozenFeatures) -> None:
    """A whole picture in the batch is left alone."""
    half = replace(batch, hole=batch.hole * torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
    step = bare(half, features, eyes=1.0, judged_eyes=1.0, judged_face=1.0)
    step.generator_loss(half)[0].backward()
    (picture,) = step.networks["generator"].parameters()
    assert picture.grad is not None
    assert float(picture.grad[0].abs().max()) > 0
    assert float(picture.grad[1].abs().max()) == 0
