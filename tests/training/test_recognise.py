"""Recognition on drawn faces with a scripted identity network: gallery, probes, table, JSON, one-line errors."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from training.data.drawn import write_folder
from training.data.faces import DataError, open_split
from training.data.identities import gallery_and_probes, read_identities
from training.recognise import app


class Thumbnail(torch.nn.Module):
    """[B,3,H,W] -> the picture at 8x8: a drawn face's colours tell it from others."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(image, [8, 8]).flatten(1)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn faces, each twice with other brightness, and one stranger."""
    folder = tmp_path_factory.mktemp("people")
    write_folder(folder, count=9, size=64, seed=3)
    with (folder / "faces.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    points = np.load(folder / "landmarks.npy")
    twins = []
    for index, row in enumerate(rows[:8]):
        twin = {**row, "name": f"t{row['name']}", "identity": f"p{index}"}
        row["identity"] = f"p{index}"
        picture = cv2.imread(str(folder / "images" / f"{row['name']}.png"))
        cv2.imwrite(str(folder / "images" / f"{twin['name']}.png"), (picture * 0.95).astype(np.uint8))
        twins.append(twin)
    rows[8]["identity"] = "stranger"
    with (folder / "faces.csv").open("w", newline="") as lines:
        table = csv.DictWriter(lines, list(rows[0]))
        table.writeheader()
        table.writerows(rows + twins)
    np.save(folder / "landmarks.npy", np.concatenate((points, points[:8])))
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identity") / "thumbnail.pt"
    torch.jit.script(Thumbnail()).save(str(path))
    return path


def test_gallery_and_probes_share_people_and_no_picture(people: Path) -> None:
    faces, names = open_split(people, "all"), read_identities(people)
    gallery, probes = gallery_and_probes(faces, names, 0)
    assert len(gallery) == len(probes) == 8
    assert not set(gallery) & set(probes)
    whose = [[names[faces.name(index)] for index in side] for side in (gallery, probes)]
    assert sorted(whose[0]) == sorted(whose[1]) == [f"p{index}" for index in range(8)]
    assert gallery_and_probes(faces, names, 0) == (gallery, probes)
    assert gallery_and_probes(faces, names, 1) != (gallery, probes)


def test_people_with_one_picture_are_left_out(people: Path) -> None:
    names = {name: name for name in read_identities(people)}
    with pytest.raises(DataError, match="no identity has two pictures"):
        gallery_and_probes(open_split(people, "all"), names, 0)


def recognise(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_table_has_originals_noise_and_completions(
    people: Path, network: Path, tiny_repository: Path, tmp_path: Path
) -> None:
    result = recognise(
        *("--data", people, "--identity", network, "--repository", tiny_repository, "--split", "all"),
        *("--holes", "O3,O6", "--output", tmp_path / "figures.json"),
    )
    assert result.exit_code == 0, result.output
    assert "8 faces in the gallery, 8 probes; identities by thumbnail" in result.output
    assert "warning: recognition among 8 people says little; chance alone finds 12 %" in result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["model"], figures["split"], figures["frame_pixels"]) == ("gfc", "all", 128)
    assert set(figures["weights"]) == {"gfc_generator"}
    rows = [(row["holes"], row["method"]) for row in figures["rows"]]
    assert rows == [("-", "original"), ("O3", "noise"), ("O3", "completed"), ("O6", "noise"), ("O6", "completed")]
    original = figures["rows"][0]
    assert original["top1"] == 100
    for row in figures["rows"]:
        assert 0 <= row["top1"] <= row["top3"] <= row["top5"] <= 100
    line = f"| - | original | {original['top1']:.1f} | {original['top3']:.1f} | {original['top5']:.1f} |"
    assert line in result.output


def test_a_system_that_paints_nothing_is_refused(people: Path, network: Path, tiny_repository: Path) -> None:
    result = recognise(
        *("--data", people, "--identity", network, "--repository", tiny_repository, "--split", "all"),
        *("--holes", "O3", "--model", "lafin_predictor"),
    )
    assert str(result.exception.code) == "training.recognise: the model completes no pictures"


def test_a_folder_without_identities_says_so(drawn_folder: Path, network: Path, tiny_repository: Path) -> None:
    result = recognise("--data", drawn_folder, "--identity", network, "--repository", tiny_repository)
    assert "has no column `identity`" in str(result.exception.code)
