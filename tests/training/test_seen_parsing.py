"""What GFC's parsing loss shows the parser, measured."""

from pathlib import Path

import torch
from torch import Tensor
from typer.testing import CliRunner

from training.data.drawn import DrawnFaces, write_folder
from training.frozen.parsers import FaceParser
from training.options import SHIPPED_REPOSITORY
from training.papers.parser.serving import open_parser
from training.seen_parsing import app, measure


class Knowing(FaceParser):
    """Says brow wherever a picture of its own size is shown, and skin at any other."""

    def forward(self, image: Tensor) -> Tensor:
        logits = torch.zeros(len(image), 11, *image.shape[2:])
        logits[:, 2 if image.shape[2] == 256 else 1] = 1
        return logits


def test_the_parser_is_shown_faces_of_its_own_size() -> None:
    brow = [measure(Knowing(pixels), DrawnFaces(3, 128), 7).classes[2].f_score for pixels in (256, None)]
    assert brow[0] > 0
    assert brow[1] == 0


def test_only_so_many_faces_count() -> None:
    figures = measure(Knowing(256), DrawnFaces(3, 128), 7)
    assert figures.faces == 7
    assert sum(one.pixels for one in figures.classes) <= 7 * 256**2


def test_the_shipped_parser_reads_what_it_is_shown() -> None:
    """Drawn faces are not what it learned on; at half of its size it finds less of their parts."""
    parser = open_parser(SHIPPED_REPOSITORY / "parser" / "snapshot.safetensors")
    faces = DrawnFaces(12, 256)
    as_seen = measure(parser, faces, 24).mean_f_facial_parts
    parser.pixels = None
    assert as_seen > 0.75
    assert as_seen > 0.15 + measure(parser, faces, 24).mean_f_facial_parts


def test_the_command_prints_the_figures(tmp_path: Path, tiny_repository: Path) -> None:
    write_folder(tmp_path, 12, 128)
    parser = tiny_repository / "parser" / "snapshot.safetensors"
    command = ["--data", str(tmp_path), "--parser", str(parser), "--rounds", "3", "--split", "all"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "faces 36, mean F of facial parts 0." in done.stdout


def test_a_missing_parser_is_one_line(tmp_path: Path) -> None:
    write_folder(tmp_path, 12, 128)
    done = CliRunner().invoke(app, ["--data", str(tmp_path), "--parser", str(tmp_path / "nowhere.safetensors")])
    assert done.exit_code == 1
    assert "nowhere.safetensors" in done.output
