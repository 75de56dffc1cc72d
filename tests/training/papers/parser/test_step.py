import pytest
import torch

from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, Wants, batches
from training.papers.parser.networks import Parser
from training.papers.parser.recipe import NO_HOLES, build_demo, build_parser
from training.papers.parser.step import ParserStep, pixel_accuracy


def one_batch(pixels: int) -> Batch:
    stream = FaceStream(DrawnFaces(2, pixels), NO_HOLES, pixels=pixels, seed=0, wants=Wants(parsing_classes=11))
    return next(batches(stream, start=0, batch_size=2, workers=0))


def test_it_overfits_one_batch() -> None:
    step, batch = build_demo(11, width=8), one_batch(64)
    first = step.update(batch)
    for _ in range(40):
        last = step.update(batch)
    assert first["pixel_accuracy"] < 0.3
    assert last["pixel_accuracy"] > 0.75  # a grid of 8 x 8 cannot say where a face ends
    assert last["at_8"] < 0.7 * first["at_8"]


def test_every_head_and_every_weight_learns() -> None:
    step, batch = build_demo(11, width=4), one_batch(64)
    assert set(step.update(batch)) == {"main", "at_8", "at_16", "pixel_accuracy"}
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in step.networks["parser"].parameters())


def test_the_published_training_has_its_optimiser_and_width() -> None:
    with torch.device("meta"):
        step = build_parser(19)
    group = step.optimizers["parser"].param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (1e-2, 0.9, 5e-4)
    assert sum(p.numel() for p in step.networks["parser"].parameters()) == 13_300_416


def test_the_sheet_shows_image_labels_and_prediction() -> None:
    step, batch = build_demo(11, width=4), one_batch(64)
    networks = {"parser": step.networks["parser"].eval()}
    with torch.no_grad():
        sheet = step.sheet(networks, batch)
    assert sheet.shape == (2, 3, 3, 64, 64)
    assert torch.equal(sheet[:, 0], batch.image)
    assert batch.parsing is not None
    hair = batch.parsing == 10
    assert len(sheet[:, 1].permute(0, 2, 3, 1)[hair].unique(dim=0)) == 1
    assert 0 <= sheet.min() <= sheet.max() <= 1


def test_accuracy_is_of_the_known_pixels() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    logits[:, 1] = 1
    parsing = torch.ones(1, 16, 16, dtype=torch.long)
    assert pixel_accuracy(logits, parsing) == 1
    parsing[:, :8, :8] = 0
    assert pixel_accuracy(logits, parsing) == pytest.approx(3 / 4)
    parsing[:, :8, :8] = 255
    assert pixel_accuracy(logits, parsing) == 1


def step_at(enlarge: float) -> ParserStep:
    parser = Parser(11, 4)
    return ParserStep(parser, torch.optim.SGD(parser.parameters(), 0.1), classes=11, enlarge=enlarge)


def test_a_snapshot_says_how_large_pictures_are_seen_and_another_size_is_not_gone_on_with() -> None:
    larger, plain = (step_at(enlarge) for enlarge in (1.25, 1.0))
    state = larger.freeze(larger.networks)["parser"]
    assert float(state["enlarge"]) == 1.25
    larger.thaw("parser", state)
    with pytest.raises(RuntimeError, match=r"sees pictures 1\.25 times as large as the frame, not 1 times"):
        plain.thaw("parser", state)
    assert "enlarge" not in plain.freeze(plain.networks)["parser"]
