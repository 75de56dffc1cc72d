import pytest
import torch

from training.data.stream import Batch, collate
from training.papers.finder.networks import Finder
from training.papers.finder.recipe import build_finder, finder_tiny
from training.papers.finder.rows import scene_row
from training.papers.finder.sources import SceneFaces
from training.papers.finder.step import draw

PART = finder_tiny().part("finder")


@pytest.fixture
def batch(scene_faces: SceneFaces) -> Batch:
    row = scene_row(scene_faces, PART, PART.stages[0])
    with_faces = [position for position in range(30) if (row[position]["labels"][:, -1] == 1).any()][:2]
    return collate([row[position] for position in with_faces])


def test_it_overfits_one_batch(batch: Batch) -> None:
    torch.manual_seed(0)
    step = build_finder(Finder((8, 8, 16, 16, 16, 16), (1, 1, 1, 1)))
    first = step.update(batch)
    for _ in range(60):
        last = step.update(batch)
    assert last["heat"] < 0.5 * first["heat"]
    assert sum(last.values()) < 0.4 * sum(first.values())


def test_every_weight_learns(batch: Batch) -> None:
    torch.manual_seed(0)
    finder = Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))
    before = {name: parameter.detach().clone() for name, parameter in finder.named_parameters()}
    build_finder(finder).update(batch)
    still = [name for name, parameter in finder.named_parameters() if torch.equal(before[name], parameter)]
    assert still == []


def test_muon_moves_what_is_neither_depth_wise_nor_last() -> None:
    finder = Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))
    groups = build_finder(finder).optimizers["finder"].param_groups
    orthogonal = {id(parameter) for group in groups if group["orthogonal"] for parameter in group["params"]}
    moved = {id(parameter) for group in groups for parameter in group["params"]}
    assert moved == {id(parameter) for parameter in finder.parameters()}
    assert id(finder.stem[0].weight) in orthogonal
    assert id(finder.head[1].weight) not in orthogonal
    depth_wise = [m.weight for m in finder.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1]
    assert depth_wise
    assert not orthogonal & {id(weight) for weight in depth_wise}


def test_the_sheet_shows_what_is_found_and_the_heat(batch: Batch) -> None:
    step = build_finder(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)))
    with torch.no_grad():
        sheet = step.sheet({"finder": step.networks["finder"].eval()}, batch)
    assert sheet.shape == (2, 2, 3, 128, 128)
    assert 0 <= sheet.min() <= sheet.max() <= 1
    grey = batch.hole.expand(-1, 3, -1, -1) == 1
    assert torch.allclose(sheet[:, 0][grey], torch.tensor(0.5), atol=0.01)


def test_faces_are_drawn_from_a_score_on() -> None:
    faces = torch.zeros(2, 16)
    faces[:, 1:4] = torch.tensor([20.0, 20.0, 16.0])
    faces[:, 6:] = 20
    plain = torch.zeros(3, 40, 40)
    faces[:, 0] = 0.1
    assert torch.equal(draw(plain, faces), plain)
    faces[0, 0] = 0.9
    drawn = draw(plain, faces)
    assert drawn[1, 20, 28] == 1
    assert drawn[0, 20, 20] == 1
