import pytest
import torch

from training.papers.finder.networks import Finder
from training.papers.finder.serving import DEPLOYED, apart, load_finder, shape_of

SHAPE = ((4, 4, 8, 12, 8, 16), (1, 2, 1, 3))


@pytest.fixture(scope="module")
def finder() -> Finder:
    torch.manual_seed(0)
    return Finder(*SHAPE).eval()


def test_widths_and_depths_follow_from_the_weights(finder: Finder) -> None:
    assert shape_of(finder.state_dict()) == SHAPE
    assert shape_of(Finder().state_dict()) == ((16, 32, 48, 96, 128, 160), (1, 3, 4, 3))


def test_served_are_bytes_in_and_a_list_of_faces_out(finder: Finder) -> None:
    served = load_finder(finder.state_dict())
    image = torch.randint(0, 256, (2, 3, 640, 640), dtype=torch.uint8)
    faces = served(image, torch.zeros(2, 1, 640, 640, dtype=torch.uint8))
    assert faces.shape == (2, *DEPLOYED["finder"].outputs[0].shape)
    assert faces.dtype == torch.float32
    assert not served.training


def test_what_was_under_the_hole_changes_no_bit(finder: Finder) -> None:
    served = load_finder(finder.state_dict())
    one = torch.randint(0, 256, (1, 3, 640, 640), dtype=torch.uint8)
    hole = torch.zeros(1, 1, 640, 640, dtype=torch.uint8)
    hole[..., 100:400, 200:500] = 1
    white = torch.where(hole == 1, torch.tensor(255, dtype=torch.uint8), one)
    assert torch.equal(served(one, hole), served(white, hole))


def test_lists_are_apart_when_faces_move_or_are_lost() -> None:
    expected = torch.zeros(1, 64, 16)
    expected[0, 0] = torch.tensor([0.9, 50, 60, 40, 0, 1, *[55.0] * 10])
    expected[0, 1] = torch.tensor([0.5, 250, 60, 20, 0, 1, *[250.0] * 10])
    assert apart(expected, expected[:, [1, 0, *range(2, 64)]]) == ""  # the order is no matter
    moved, weak, lost = (expected.clone() for _ in range(3))
    moved[0, 1, 7] += 3
    weak[0, 0, 0] = 0.8
    lost[0, 1] = 0
    assert apart(expected, moved).startswith("points move by 0.15 of a face's size")
    assert apart(expected, weak).endswith("scores by 0.1")
    assert apart(expected, lost)
    assert apart(torch.zeros(1, 64, 16), expected) == "there is no face to compare"


def test_other_weights_are_refused_by_key(finder: Finder) -> None:
    with pytest.raises(RuntimeError, match=r"no finder:\nstem\.0\.weight is missing"):
        load_finder({"weight": torch.zeros(1)})
    state = dict(finder.state_dict())
    del state["head.1.bias"]
    with pytest.raises(RuntimeError, match=r"head\.1\.bias"):
        load_finder(state)
