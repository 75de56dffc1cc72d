"""The order of updates, the oracle's pass, and what each discriminator sees."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours
from training.data.stream import Batch
from training.losses.wasserstein import gradient_penalty
from training.masking import mask_image
from training.papers.dsa.crops import SEVEN, TWO, shown
from training.papers.dsa.losses import Weights
from training.papers.dsa.networks import Discriminator, Generator
from training.papers.dsa.recipe import CAPTION, PAPER, WITHOUT_SUPERVISION, build, build_demo
from training.papers.dsa.step import GeneratorStep
from training.recipe import Files
from training.seen import pixels_in
from training.step import RECONSTRUCTION

NARROW = dict.fromkeys(CAPTION, 2)


def tiny(judges: tuple[str, ...] = SEVEN, weights: Weights = PAPER, *, central: bool = False) -> GeneratorStep:
    torch.manual_seed(0)
    return build(Files(), width=4, channels=NARROW, judges=judges, weights=weights, central=central)


def weights_of(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("phase", "judges", "terms"),
    [
        (RECONSTRUCTION, SEVEN, {"reconstruction", "supervision"}),
        ("", SEVEN, {"reconstruction", "supervision", "adversarial"}),
        ("", TWO, {"reconstruction", "supervision", "adversarial"}),
    ],
)
def test_each_phase_has_its_terms(batch: Batch, phase: str, judges: tuple[str, ...], terms: set[str]) -> None:
    step = tiny(judges)
    step.phase = phase
    before = {name: weights_of(network) for name, network in step.networks.items()}
    figures = step.update(batch)
    asked = set(judges) if "adversarial" in terms else set()
    assert set(figures) == terms | asked | {f"{name}_penalty" for name in asked}
    assert all(torch.isfinite(value) for value in figures.values())
    moved = {name for name, network in step.networks.items() if not equal(before[name], weights_of(network))}
    assert moved == {"generator", *asked}


def test_discriminators_go_first_one_by_one_on_the_same_fake(batch: Batch) -> None:
    step = tiny()
    assert [name for name, _ in step.turns()] == [*SEVEN, "generator"]
    passes: list[Tensor] = []
    generator = step.networks["generator"]
    assert isinstance(generator, Generator)
    generator.last.register_forward_hook(lambda *_: passes.append(torch.ones(1)))
    step.update(batch)
    assert len(passes) == 1  # the oracle's pass does not paint


@pytest.mark.parametrize("name", SEVEN)
def test_updates_leave_the_other_networks_alone(batch: Batch, name: str) -> None:
    step = tiny()
    step.descend(name, [batch], partial(step.discriminator_loss, name))
    for other, network in step.networks.items():
        assert any(p.grad is not None for p in network.parameters()) == (other == name)
    before = weights_of(step.networks[name])
    gradients = [p.grad.clone() for p in step.networks[name].parameters() if p.grad is not None]
    step.descend("generator", [batch], step.generator_loss)
    assert equal(before, weights_of(step.networks[name]))
    assert equal(gradients, [p.grad for p in step.networks[name].parameters() if p.grad is not None])
    assert all(parameter.requires_grad for parameter in step.networks[name].parameters())


def statistics(network: nn.Module) -> dict[str, Tensor]:
    """Of all batch norms: means, variances, and how many batches they have seen."""
    return {key: tensor.clone() for key, tensor in network.named_buffers()}


def test_the_oracles_pass_leaves_no_trace_in_the_norms(batch: Batch) -> None:
    step = tiny()
    step.ready(batch, first=True)
    before = statistics(step.networks["generator"])
    step.oracle(batch)
    after = statistics(step.networks["generator"])
    assert all(torch.equal(before[key], after[key]) for key in before)
    step.paint(batch)
    assert not all(torch.equal(before[key], tensor) for key, tensor in statistics(step.networks["generator"]).items())


def test_no_gradient_flows_into_the_oracle(batch: Batch) -> None:
    """Its maps are made without a graph, of the whole picture, at the same positions."""
    step = tiny()
    step.ready(batch, first=True)
    oracle = step.oracle(batch)
    assert not oracle.cross.requires_grad
    assert not oracle.own.requires_grad
    step.paint(batch)
    assert step.maps is not None
    assert step.maps.cross.requires_grad
    assert torch.equal(step.maps.there, oracle.there)


def test_the_oracle_is_the_same_network_on_the_true_picture(batch: Batch) -> None:
    """Where nothing is hidden from the network, its attention is the oracle's, and the divergence is 0."""
    step = tiny()
    step.ready(batch, first=True)
    generator = step.networks["generator"].eval()
    assert isinstance(generator, Generator)
    oracle = step.oracle(batch)
    same = generator.oracle(batch.image, batch.hole)
    assert torch.equal(oracle.cross, same.cross)
    _, seen = generator.supervised(mask_image(batch.image, batch.hole, 0.0), batch.hole)
    assert not torch.allclose(oracle.cross, seen.cross)


def test_without_supervision_nobody_asks_the_oracle(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    step = tiny(weights=WITHOUT_SUPERVISION)
    monkeypatch.setattr(Generator, "oracle", lambda *_: pytest.fail("the oracle was asked"))
    assert "supervision" not in step.update(batch)


def test_supervision_teaches_queries_and_keys_before_anything_is_read(batch: Batch) -> None:
    """alpha and beta are 0 at first: what the attention reads teaches them alone; the oracle teaches where to look."""
    step = tiny()
    step.phase = RECONSTRUCTION
    step.descend("generator", [batch], step.generator_loss)
    with_oracle = asked_where(step)
    step = tiny(weights=WITHOUT_SUPERVISION)
    step.phase = RECONSTRUCTION
    step.descend("generator", [batch], step.generator_loss)
    assert asked_where(step) == 0
    assert with_oracle > 0


def asked_where(step: GeneratorStep) -> float:
    """Length of the gradient at the supervised layer's queries."""
    attention = step.networks["generator"].decoder[3].attention
    return sum(float(branch.query.weight.grad.norm()) for branch in (attention.cross, attention.own))


class Noting(Discriminator):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__(2)
        self.given: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.given.append(image.detach())
        return super().forward(image)


@pytest.mark.parametrize("central", [False, True])
@pytest.mark.parametrize("name", SEVEN)
def test_discriminators_see_crops_of_the_raw_output(batch: Batch, name: str, central: bool) -> None:
    """Eq. 8: real and raw, then points between them; then, in the generator's turn, the same raw crop."""
    step = tiny(central=central)
    judge = Noting()
    step.networks[name] = judge
    step.optimizers[name] = torch.optim.SGD(judge.parameters(), lr=0.0)
    step.ready(batch, first=True)
    raw = step.raw(batch).detach()
    step.discriminator_loss(name, batch)
    step.adversarial_loss(step.raw(batch), batch)
    real, fake = (shown(name, image, batch.hole, batch.landmarks, central=central) for image in (batch.image, raw))
    pair, between, again = judge.given
    assert torch.equal(pair, torch.cat((real, fake)))
    assert torch.equal(again, fake)
    assert not torch.equal(between, fake)
    low, high = torch.minimum(real, fake) - 1e-6, torch.maximum(real, fake) + 1e-6
    assert ((between >= low) & (between <= high)).all()


def test_the_penalty_is_that_of_eq_8_with_gamma_10(batch: Batch) -> None:
    step = tiny()
    step.ready(batch, first=True)
    loss, figures = step.discriminator_loss("quarters", batch)
    assert torch.allclose(loss, figures["quarters"] + 10 * figures["quarters_penalty"])
    real, fake = (
        shown("quarters", image, batch.hole, batch.landmarks, central=False)
        for image in (batch.image, step.raw(batch).detach())
    )
    judge = step.networks["quarters"]
    assert torch.allclose(figures["quarters"], judge(fake).mean() - judge(real).mean(), atol=1e-6)
    places = batch.chance[:, SEVEN.index("quarters")].repeat_interleave(4)
    assert torch.allclose(figures["quarters_penalty"], gradient_penalty(judge, real, fake, places))


def test_chance_is_each_discriminators_own(batch: Batch) -> None:
    step = tiny()
    drawn = torch.stack([step.places(name, batch)[0] for name in SEVEN])
    assert len(drawn.unique()) == len(SEVEN)


def test_the_generator_climbs_every_discriminators_score(batch: Batch) -> None:
    """Eq. 9: minus the sum of the mean scores."""
    step = tiny()
    step.ready(batch, first=True)
    raw = step.raw(batch)
    expected = -sum(
        float(step.networks[name](shown(name, raw, batch.hole, batch.landmarks, central=False)).mean().detach())
        for name in SEVEN
    )
    assert math.isclose(float(step.adversarial_loss(raw, batch).detach()), expected, rel_tol=1e-4)


def test_the_generator_overfits_one_batch(batch: Batch) -> None:
    step = build(Files(), width=8, channels=NARROW)
    step.phase = RECONSTRUCTION
    step.optimizers["generator"] = torch.optim.Adam(step.networks["generator"].parameters(), 5e-3)
    first = float(step.update(batch)["reconstruction"])
    for _ in range(60):
        last = float(step.update(batch)["reconstruction"])
    assert last < 0.25 * first


def test_features_add_the_perceptual_loss(batch: Batch) -> None:
    step = tiny()
    step.phase = RECONSTRUCTION
    step.frozen["features"] = FrozenColours()
    assert "perceptual" in step.update(batch)


def test_a_snapshot_says_the_side_that_it_is_served_at() -> None:
    """The demo never sees whole frames; a training goes on with a snapshot of its own side alone."""
    demo, whole = build_demo(Files(), width=4), tiny()
    states = [step.freeze({"generator": step.networks["generator"]})["generator"] for step in (demo, whole)]
    assert [pixels_in(state) for state in states] == [128, 0]
    demo.thaw("generator", states[0])
    whole.thaw("generator", states[1])
    with pytest.raises(RuntimeError, match="it sees pictures at 128 px, not at 0"):
        whole.thaw("generator", states[0])


def test_the_sheet_shows_masked_raw_completed_and_true(batch: Batch) -> None:
    step = tiny()
    with torch.no_grad():
        sheet = step.sheet({"generator": step.networks["generator"].eval()}, batch)
    assert sheet.shape == (2, 4, 3, 128, 128)
    assert (sheet[:, 0] * batch.hole).abs().max() == 0
    assert torch.equal(sheet[:, 3], batch.image)
    assert ((sheet[:, 2] - batch.image) * (1 - batch.hole)).abs().max() == 0
    assert torch.equal(sheet[:, 2] * batch.hole, sheet[:, 1] * batch.hole)
