"""The real networks: they overfit a batch, and their sheets show the stages."""

import pytest
import torch
from torch import nn

from tests.training.papers.showface.test_wiring import Grey, Shades
from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
from training.data.stream import Batch, FaceStream, batches
from training.papers.showface.losses import CoarseWeights, Weights
from training.papers.showface.networks import Coarse, Discriminator, Reconstruction, Refiner
from training.papers.showface.step import CoarseStep, InCo2Step, RefinerStep
from training.seen import with_pixels
from training.step import RECONSTRUCTION

BETAS = (0.9, 0.99)


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, 64), Mixture(((1.0, "center"),)), pixels=64, seed=0)
    return next(batches(stream, start=0, batch_size=2, workers=0))


def refiner_step(seen_pixels: int = 0) -> RefinerStep:
    return RefinerStep(
        Refiner(8, 16, 8, 1, slots=4),
        Discriminator(4),
        coarse=Grey(),
        parser=Shades(),
        inco2=Reconstruction(2),
        features=None,
        weights=Weights(),
        learning_rate=2e-3,
        discriminator_learning_rate=1e-3,
        betas=BETAS,
        muon_length=0.02,
        seen_pixels=seen_pixels,
    )


def test_the_coarse_network_overfits_one_batch(batch: Batch) -> None:
    step = CoarseStep(Coarse(8, 4), None, weights=CoarseWeights(), learning_rate=2e-3, betas=BETAS, muon_length=0.02)
    first = step.update(batch)["hole"]
    for _ in range(60):
        last = step.update(batch)["hole"]
    assert last < 0.35 * first


def test_the_refiner_overfits_one_batch(batch: Batch) -> None:
    step = refiner_step()
    step.phase = RECONSTRUCTION
    first = step.update(batch)["reconstruction"]
    for _ in range(60):
        last = step.update(batch)["reconstruction"]
    assert last < 0.45 * first


def test_sheets_show_the_stages(batch: Batch) -> None:
    step = refiner_step()
    step.update(batch)

    def columns(of: nn.Module, name: str, shown) -> torch.Tensor:
        with torch.no_grad():
            sheet = shown.sheet({name: of.eval()}, batch)
        assert sheet.shape[:1] + sheet.shape[2:] == (2, 3, 64, 64)
        return sheet

    sheet = columns(step.networks["refiner"], "refiner", step)
    assert sheet.shape[1] == 5
    assert torch.equal(sheet[:, 4], batch.image)
    assert torch.equal(sheet[:, 1] * batch.hole, 0.5 * batch.hole.expand_as(batch.image))
    coarse = CoarseStep(Coarse(4, 4), None, weights=CoarseWeights(), learning_rate=1e-3, betas=BETAS)
    assert columns(coarse.networks["coarse"], "coarse", coarse).shape[1] == 4
    inco2 = InCo2Step(Reconstruction(2), learning_rate=1e-3, betas=BETAS)
    assert columns(inco2.networks["inco2"], "inco2", inco2).shape[1] == 2


@pytest.mark.parametrize("name", ["coarse", "refiner"])
def test_a_snapshot_says_the_side_that_it_is_served_at_and_only_such_a_one_is_gone_on_with(name: str) -> None:
    coarse = CoarseStep(Coarse(4, 4), None, weights=CoarseWeights(), learning_rate=1e-3, betas=BETAS, seen_pixels=128)
    step = coarse if name == "coarse" else refiner_step(seen_pixels=128)
    state = {key: tensor.clone() for key, tensor in step.freeze(step.networks)[name].items()}
    assert int(state["seen_pixels"]) == 128
    before = {key: tensor.clone() for key, tensor in step.networks[name].state_dict().items()}
    for weight in step.networks[name].parameters():
        torch.nn.init.normal_(weight)
    step.thaw(name, state)
    assert all(torch.equal(before[key], tensor) for key, tensor in step.networks[name].state_dict().items())
    for other in (0, 64):
        with pytest.raises(RuntimeError, match=f"it sees pictures at {other} px, not at 128"):
            step.thaw(name, with_pixels(before, other))
    step.seen_pixels = 0
    assert "seen_pixels" not in step.freeze(step.networks)[name]
    with pytest.raises(RuntimeError, match="it sees pictures at 128 px, not at 0"):
        step.thaw(name, state)
