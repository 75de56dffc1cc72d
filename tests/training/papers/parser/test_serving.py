from pathlib import Path

import pytest
import torch

from training.checkpoint import CheckpointError, save_snapshot
from training.papers.parser.networks import Parser
from training.papers.parser.serving import describe, freeze, load_parser, open_parser, with_enlarge


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "parser.safetensors"
    save_snapshot(path, Parser(11, width=4).state_dict(), {}, half=False)
    return path


def test_the_frozen_parser_gives_logits_at_the_size_of_the_picture(snapshot: Path) -> None:
    parser = open_parser(snapshot)
    assert parser(torch.rand(2, 3, 64, 96)).shape == (2, 11, 64, 96)
    assert not parser.training
    assert not any(parameter.requires_grad for parameter in parser.parameters())


def test_losses_reach_the_picture_through_it_and_leave_it_as_it_is(snapshot: Path) -> None:
    parser = open_parser(snapshot)
    before = {key: tensor.clone() for key, tensor in parser.state_dict().items()}
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    torch.nn.functional.cross_entropy(parser(image), torch.ones(1, 64, 64, dtype=torch.long)).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(torch.equal(before[key], tensor) for key, tensor in parser.state_dict().items())


def test_the_picture_is_normalised_inside(snapshot: Path) -> None:
    parser = open_parser(snapshot)
    image = torch.rand(1, 3, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    logits = parser.parser.parse((image - mean) / deviation)
    assert torch.allclose(parser(image)[..., 0, 0], logits[..., 0, 0], atol=1e-5)


@pytest.mark.parametrize("side", [48, 100])
def test_other_sides_are_a_mistake_of_the_caller(snapshot: Path, side: int) -> None:
    with pytest.raises(AssertionError, match="multiple of 32"):
        open_parser(snapshot)(torch.rand(1, 3, 64, side))


def test_a_snapshot_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_snapshot(path, {"weight": torch.zeros(3)}, {})
    with pytest.raises(CheckpointError, match=r"other\.safetensors is no snapshot of a parser"):
        open_parser(path)


def test_a_number_of_classes_without_names_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"12 classes; there are sets of \[11, 14, 19\]"):
        freeze(Parser(12, width=4).state_dict())


def test_served_are_bytes_in_and_class_ids_out() -> None:
    torch.manual_seed(0)
    served = load_parser(Parser(14, width=4).state_dict())
    parsing = served(torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8))
    assert parsing.dtype == torch.uint8
    assert parsing.shape == (2, 1, 256, 256)
    assert parsing.max() < 14


def test_weights_of_larger_faces_see_the_picture_enlarged() -> None:
    torch.manual_seed(0)
    state = Parser(19, width=4).state_dict()
    plain, enlarged = freeze(state), freeze({**state, "enlarge": torch.tensor(2)})
    image = torch.rand(1, 3, 64, 64)
    assert enlarged(image).shape == (1, 19, 64, 64)
    assert not torch.allclose(plain(image), enlarged(image))
    twice = torch.nn.functional.interpolate(image, scale_factor=2, mode="bilinear")
    assert torch.allclose(enlarged(image)[..., 0, 0], plain(twice)[..., 0, 0], atol=1e-5)


def test_class_names_follow_from_the_weights() -> None:
    names = describe(Parser(11, width=4).state_dict())["classes"].split(",")
    assert len(names) == 11
    assert names[0] == "background"
    assert names[8] == "inner_mouth"


def test_its_own_size_is_that_of_its_training(snapshot: Path, tmp_path: Path) -> None:
    assert open_parser(snapshot).pixels == 256
    save_snapshot(tmp_path / "large.safetensors", Parser(11, width=4).state_dict(), {"pixels": "512"})
    assert open_parser(tmp_path / "large.safetensors").pixels == 512


def test_a_parser_that_learned_larger_is_shown_the_next_multiple_of_32(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = Parser(14, width=4).state_dict()
    save_snapshot(tmp_path / "parser.safetensors", with_enlarge(state, 1.25), {"pixels": "320"}, half=False)
    parser = open_parser(tmp_path / "parser.safetensors")
    assert parser.pixels == 256, "losses show it faces of the frame's size"
    save_snapshot(tmp_path / "early.safetensors", with_enlarge(state, 1.25), {"pixels": "256"}, half=False)
    assert open_parser(tmp_path / "early.safetensors").pixels == 192, "of an earlier stage: a side that it takes"
    assert [parser.enlarged(side) for side in (128, 192, 256)] == [160, 256, 320]
    image = torch.rand(1, 3, 128, 128)
    larger = torch.nn.functional.interpolate(image, size=160, mode="bilinear")
    assert torch.allclose(parser(image)[..., 0, 0], freeze(state)(larger)[..., 0, 0], atol=1e-5)
    assert with_enlarge(state, 1.0).keys() == state.keys()
