import pytest
import torch
from torch import Tensor

from training.papers.finder.finding import Peaks
from training.papers.finder.losses import finder_losses, heat_loss, make_targets
from training.papers.finder.networks import CHANNELS, HEAT, OFFSET, ROLL, SHAPE, SIZE

FACE = torch.tensor([[40.0, 50], [80, 50], [60, 70], [45, 90], [75, 90]])  # centre (60, 70), size 80


def label(points: Tensor, kind: float) -> Tensor:
    return torch.cat((points.flatten(), torch.tensor([kind])))


def batch_of(*labels: Tensor, padding: int = 0) -> Tensor:
    return torch.stack((*labels, *[torch.zeros(11)] * padding))[None]


def perfect_maps(labels: Tensor, rows: int, columns: int) -> Tensor:
    """Maps that say exactly the targets, with sure heat."""
    targets = make_targets(labels, rows, columns)
    maps = torch.zeros(len(labels), CHANNELS, rows, columns)
    maps[:, HEAT] = torch.where(targets.heat == 1, 12.0, -12.0)
    nearest = targets.weight.argmax(dim=1)
    for b in range(len(labels)):
        for row in range(rows):
            for column in range(columns):
                face = nearest[b, row, column]
                maps[b, OFFSET, row, column] = targets.offset[b, face, :, row, column]
                maps[b, SIZE, row, column] = targets.size[b, face]
                maps[b, ROLL, row, column] = targets.roll[b, face]
                maps[b, SHAPE, row, column] = targets.shape[b, face]
    return maps


def test_the_centre_has_the_heat_and_its_cell_the_offset() -> None:
    targets = make_targets(batch_of(label(FACE, 1)), 16, 16)
    assert targets.heat[0].argmax() == 8 * 16 + 7  # pixel (60, 70) lies in row 8, column 7
    assert targets.heat.max() == 1
    assert targets.heat[0, 8, 8] == pytest.approx(float(torch.exp(torch.tensor(-64 / (2 * 64.0)))))
    # the middle of the cell is (59.5, 67.5)
    assert torch.allclose(targets.offset[0, 0, :, 8, 7], torch.tensor([0.5, 2.5]) / 80)
    assert torch.allclose(targets.shape[0, 0, :2], torch.tensor([-20.0, -20.0]) / 80, atol=1e-5)


def test_perfect_maps_cost_nothing_and_give_the_faces_back() -> None:
    quarter_turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    other = (FACE - FACE.mean(dim=0)) @ quarter_turn.T * 0.5 + torch.tensor([150.0, 40.0])
    labels = batch_of(label(FACE, 1), label(other, 1), padding=3)
    maps = perfect_maps(labels, 16, 24)
    assert all(loss < 1e-3 for loss in finder_losses(maps, labels).values())
    faces = Peaks()(maps)[0]
    assert (faces[:, 0] > 0.5).sum() == 2
    found = sorted(faces[:2, 6:].tolist(), key=lambda points: points[0])
    assert torch.allclose(torch.tensor(found[0]), FACE.flatten(), atol=0.01)
    assert torch.allclose(torch.tensor(found[1]), other.flatten(), atol=0.01)


@pytest.mark.parametrize(
    "channels", [OFFSET, slice(SIZE, SIZE + 1), ROLL, SHAPE], ids=["offset", "size", "roll", "shape"]
)
def test_each_loss_sees_its_channels_alone(channels: slice) -> None:
    labels = batch_of(label(FACE, 1))
    maps = perfect_maps(labels, 16, 16)
    maps[:, channels] += 0.1
    costly = {name for name, loss in finder_losses(maps, labels).items() if loss > 1e-3}
    assert len(costly) == 1


def test_around_an_uncertain_face_heat_is_neither_right_nor_wrong() -> None:
    labels = batch_of(label(FACE, -1))
    targets = make_targets(labels, 16, 16)
    assert targets.heat.max() == 0
    assert targets.counted[0, 8, 7] == 0
    assert targets.counted[0, 0, 15] == 1
    maps = torch.zeros(1, CHANNELS, 16, 16)
    maps[:, HEAT] = -12
    quiet = finder_losses(maps, labels)["heat"]
    maps[0, HEAT, 8, 7] = 5
    assert finder_losses(maps, labels)["heat"] == quiet
    maps[0, HEAT, 0, 15] = 5
    assert finder_losses(maps, labels)["heat"] > quiet + 1


def test_a_sure_face_counts_beside_an_uncertain_one() -> None:
    targets = make_targets(batch_of(label(FACE, 1), label(FACE + 6, -1)), 16, 16)
    assert targets.counted[0, 8, 7] == 1


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, CHANNELS, 16, 16)
    short, long = batch_of(label(FACE, 1)), batch_of(label(FACE, 1), padding=4)
    for one, other in zip(finder_losses(maps, short).values(), finder_losses(maps, long).values(), strict=True):
        assert torch.equal(one, other)


def test_a_batch_costs_the_mean_of_its_pictures() -> None:
    torch.manual_seed(0)
    maps = torch.randn(3, CHANNELS, 16, 16)
    labels = torch.cat(
        (
            batch_of(label(FACE, 1), padding=1),
            batch_of(label(FACE, 1), label(FACE * 0.4 + 70, 1)),
            batch_of(padding=2),
        )
    )
    whole = finder_losses(maps, labels)
    single = [finder_losses(maps[i : i + 1], labels[i : i + 1]) for i in range(3)]
    for name, loss in whole.items():
        assert float(loss) == pytest.approx(float(sum(one[name] for one in single)) / 3, rel=1e-4)


def test_missing_a_centre_costs_more_than_heat_beside_it() -> None:
    heat = torch.zeros(1, 3, 3)
    heat[0, 1, 1], heat[0, 1, 2] = 1, 0.8
    counted = torch.ones_like(heat)
    sure = torch.full((1, 3, 3), -10.0)
    sure[0, 1, 1] = 10
    beside, missed = sure.clone(), sure.clone()
    beside[0, 1, 2], missed[0, 1, 1] = 2, -2
    losses = [float(heat_loss(logits, heat, counted)) for logits in (sure, beside, missed)]
    assert losses[0] < 1e-3 < losses[1] < losses[2]
