"""What the training command opens for the user: the frozen parser, from either kind of file."""

from pathlib import Path

import pytest
import torch

from training.checkpoint import CheckpointError, save_snapshot
from training.papers.parser.networks import Parser
from training.train import frozen_parser


class Shades(torch.nn.Module):
    """Logits of two classes."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat((image[:, :1], 1 - image[:, :1]), dim=1)


def test_a_snapshot_of_the_parser_is_opened_frozen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_snapshot(tmp_path / "parser.safetensors", Parser(11, 8).state_dict(), {})
    parser = frozen_parser(tmp_path / "parser.safetensors")
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    logits = parser(image)
    assert logits.shape == (1, 11, 64, 64)
    logits.sum().backward()
    assert image.grad is not None
    assert not [parameter for parameter in parser.parameters() if parameter.requires_grad]


def test_a_scripted_parser_is_opened(tmp_path: Path) -> None:
    torch.jit.script(Shades()).save(str(tmp_path / "shades.pt"))
    assert frozen_parser(tmp_path / "shades.pt")(torch.rand(1, 3, 8, 8)).shape == (1, 2, 8, 8)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_text("no weights")
    with pytest.raises(CheckpointError, match=r"notes\.safetensors"):
        frozen_parser(tmp_path / "notes.safetensors")
