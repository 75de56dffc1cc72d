"""The evaluation command: table, JSON, left-out figures and one-line errors."""

import hashlib
import json
import shutil

import cv2
import pytest
import torch
from typer.testing import CliRunner

from training.compare import app as compare_app
from training.evaluate import app


def evaluate(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_table_and_json_say_the_same(tiny_repository, drawn_folder, features_file, tmp_path):
    result = evaluate(
        *("--data", drawn_folder, "--repository", tiny_repository, "--features", features_file),
        *("--holes", "center", "--baseline", "telea", "--output", tmp_path / "figures.json"),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["model"], figures["faces"], figures["holes_seed"]) == ("lafin", 1, 0)
    assert (figures["split"], figures["frame_pixels"]) == ("validation", 256)
    assert set(figures["weights"]) == {"lafin_predictor", "lafin_generator"}
    assert [(row["holes"], row["method"]) for row in figures["rows"]] == [("center", "lafin"), ("center", "telea")]
    lines = [line for line in result.stdout.splitlines() if line.startswith("|")]
    digest = hashlib.sha256(features_file.read_bytes()).hexdigest()
    assert f"feature distance (squeezenet1_1 {digest[:8]})" in lines[0]
    assert figures["networks"]["features"] == {"name": features_file.name, "sha256": digest}
    for line, row in zip(lines[2:], figures["rows"], strict=True):
        assert f"| center | 0.250 | {row['method']} | {row['figures']['PSNR']:.2f} |" in line
    assert lines[3].endswith("| - |")  # Telea has no landmarks


def test_figures_without_their_file_are_left_out_aloud(tiny_repository, drawn_folder):
    result = evaluate(
        "--data", drawn_folder, "--repository", tiny_repository, "--model", "lafin_predictor", "--holes", "none"
    )
    assert result.exit_code == 0, result.output
    assert "no --features file: the feature distance is left out" in result.output
    assert "no --frechet file: the Frechet distance is left out" in result.output
    assert "no --identity file: the identity distance is left out" in result.output
    assert "feature distance (" not in result.output


def test_other_weights_can_be_named(tiny_repository, drawn_folder, tmp_path):
    predictor = tiny_repository / "lafin_predictor" / "snapshot.safetensors"
    (tmp_path / "empty").mkdir()
    result = evaluate(
        *("--data", drawn_folder, "--repository", tmp_path / "empty", "--model", "lafin_predictor"),
        *("--snapshot", f"lafin_predictor={predictor}", "--holes", "none", "--split", "all", "--count", 2),
    )
    assert result.exit_code == 0, result.output
    assert "2 faces at 256 px" in result.output


def test_a_finder_is_measured_by_the_faces_it_finds(
    tiny_repository, drawn_folder, scenes_folder, people_folder, tmp_path
):
    result = evaluate(
        *("--data", drawn_folder, "--repository", tiny_repository, "--model", "finder", "--scenes", scenes_folder),
        *("--people", people_folder, "--count", 1, "--output", tmp_path / "figures.json"),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["model"], figures["frame_pixels"], set(figures["weights"])) == ("finder", 640, {"finder"})
    lines = [line for line in result.stdout.splitlines() if line.startswith("|")]
    for line, row in zip(lines[2:], figures["rows"], strict=True):
        assert line.startswith(f"| {row['row']} | ")
    assert {"inner face hidden", "photographs, whole", "no face, with holes"} <= {row["row"] for row in figures["rows"]}


def test_a_finder_is_measured_beside_a_cascade(tiny_repository, drawn_folder, scenes_folder, tmp_path):
    options = ("--data", drawn_folder, "--repository", tiny_repository, "--model", "finder", "--scenes", scenes_folder)
    result = evaluate(*options, "--count", 1, "--baseline", "cascade", "--output", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    finder, cascade = rows[::2], rows[1::2]
    assert [row["row"] for row in cascade] == [f"cascade {row['row']}" for row in finder]
    assert [row["faces"] for row in cascade] == [row["faces"] for row in finder]
    assert "| recall % | of | false in 100 pictures | of | cascade recall % | of |" in result.stdout
    refused = evaluate(*options, "--baseline", "telea")
    assert refused.exit_code != 0
    assert "--baseline telea: beside finder stands cascade" in refused.output


def test_a_parser_is_measured_by_class(tiny_repository, drawn_folder, tmp_path):
    result = evaluate(
        *("--data", drawn_folder, "--repository", tiny_repository, "--model", "parser", "--split", "all"),
        *("--count", 4, "--output", tmp_path / "figures.json"),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["model"], figures["faces"], figures["split"]) == ("parser", 4, "all")
    assert set(figures["weights"]) == {"parser"}
    assert [one["name"] for one in figures["classes"]][:3] == ["background", "skin", "left_brow"]
    assert sum(one["pixels"] for one in figures["classes"]) == 4 * 256 * 256
    scores = [one["f_score"] for one in figures["classes"] if 2 <= one["index"] <= 9 and one["f_score"] is not None]
    assert figures["mean_f_facial_parts"] == pytest.approx(sum(scores) / len(scores))
    assert f"mean IoU: {figures['mean_iou']:.4f}" in result.output
    assert f"| 1 | skin | {figures['classes'][1]['f_score']:.4f} |" in result.output


def test_gfc_at_128_pixels_blended_with_an_identity_network(tiny_repository, drawn_folder, tmp_path):
    torch.jit.script(torch.nn.Flatten()).save(str(tmp_path / "flat.pt"))
    command = ["--data", drawn_folder, "--repository", tiny_repository, "--model", "gfc", "--holes", "O3,24px"]
    outputs = {}
    for blend in ("none", "poisson"):
        result = evaluate(*command, "--identity", tmp_path / "flat.pt", "--blend", blend, "--output", tmp_path / blend)
        assert result.exit_code == 0, result.output
        assert "1 faces at 128 px" in result.output
        outputs[blend] = json.loads((tmp_path / blend).read_text())
    for blend, figures in outputs.items():
        assert (figures["blend"], figures["frame_pixels"]) == (blend, 128)
        assert [row["holes"] for row in figures["rows"]] == ["O3", "24px"]
        assert figures["rows"][1]["hole_ratio"] == pytest.approx(24 * 24 / 128**2)
        identity = next(name for name in figures["rows"][0]["figures"] if name.startswith("identity distance (flat "))
        assert figures["rows"][0]["figures"][identity] > 0
    plain, blended = (outputs[blend]["rows"][0]["figures"]["PSNR"] for blend in ("none", "poisson"))
    assert blended > plain  # an untrained network is far off at the hole's edge


def test_a_papers_table_has_its_holes_its_figures_and_ours_beside(tiny_repository, drawn_folder, tmp_path):
    """GFC's: M4 and, blended, M5 from one snapshot, Telea and Navier-Stokes in the same run."""
    result = evaluate(
        *("--data", drawn_folder, "--repository", tiny_repository, "--table", "gfc", "--limit", 1),
        *("--precision", "float32", "--report", tmp_path / "report"),
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "report" / "figures.json").read_text())
    assert (figures["paper"], figures["model"], figures["profile"]) == ("gfc", "gfc", "standard")
    assert list(dict.fromkeys(row["holes"] for row in figures["rows"])) == ["O1", "O2", "O3", "O4", "O5", "O6"]
    methods = ["gfc", "gfc + poisson", "telea", "navier-stokes"]
    assert list(dict.fromkeys(row["method"] for row in figures["rows"])) == methods
    first, second, third = figures["tables"]
    assert first["stands_for"] == {"gfc": "M4", "gfc + poisson": "M5"}
    assert second["here"]["telea"]["PSNR"][2] == next(
        row["figures"]["PSNR"] for row in figures["rows"] if (row["holes"], row["method"]) == ("O3", "telea")
    )
    assert third["here"]["gfc"]["identity"] == [None] * 6  # no network's file was given
    text = (tmp_path / "report" / "tables.md").read_text()
    assert "| PSNR | O1 | 18.90 | 17.80 | 18.90 | 19.40 | 18.60 | 20.00 | " in text
    assert text.split("### Table 2 of gfc")[1].split("### Table 3")[0] in result.output
    assert cv2.imread(str(tmp_path / "report" / "sheet.jpg")).shape[0] > 100
    (picture,) = figures["pictures"]
    assert (len(picture["sha256"]), figures["data"]["faces"], figures["precision"]) == (64, 1, "float32")


def test_a_paper_whose_system_has_no_snapshot_says_so_and_baselines_may_stand_alone(drawn_folder, tmp_path):
    command = ["--data", drawn_folder, "--repository", tmp_path, "--table", "gfc"]
    refused = evaluate(*command)
    assert str(refused.exception.code).startswith("training.evaluate: there is no snapshot at ")
    alone = evaluate(*command, "--baselines-only", "--output", tmp_path / "figures.json")
    assert alone.exit_code == 0, alone.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures["methods"]) == ["telea", "navier-stokes"]
    assert figures["tables"][0]["stands_for"] == {}


def test_all_systems_stand_in_one_table_at_one_frame_and_can_be_compared(tiny_repository, drawn_folder, tmp_path):
    for model in ("gfc_generator", "dsa_generator"):
        shutil.copytree(tiny_repository / model, tmp_path / "repository" / model)
    command = ["--data", drawn_folder, "--repository", tmp_path / "repository", "--split", "all", "--count", 2]
    result = evaluate(
        *(*command, "--all", "--holes", "center", "--precision", "float32"),
        *("--baseline", "telea", "--output", tmp_path / "all.json", "--report", tmp_path / "report"),
    )
    assert result.exit_code == 0, result.output
    assert "2 faces at 256 px" in result.output
    assert "lafin is left out: there is no snapshot at" in result.output
    figures = json.loads((tmp_path / "all.json").read_text())
    assert [row["method"] for row in figures["rows"]] == ["gfc", "dsa", "telea"]
    assert figures["methods"]["gfc"]["measured_at_pixels"] == 256
    text = (tmp_path / "report" / "systems.md").read_text()
    assert text in result.output
    assert "| system | images seen | minutes trained | center |" in text
    compared = CliRunner().invoke(compare_app, [str(tmp_path / "all.json"), "--methods", "gfc,dsa"])
    assert compared.exit_code == 0, compared.output
    assert "| center | hole PSNR | gfc | dsa | " in compared.output


MISTAKES = {
    "--table other": "unknown table 'other'; there are lafin, gfc, dsa, reference, showface",
    "--table gfc --holes center": "--table and --holes (the table brings its own) do not go together",
    "--table gfc --profile lafin": "--table and --profile (the table brings its own) do not go together",
    "--all --model gfc": "--all and --model do not go together",
    "--precision half": "unknown precision 'half'; there are auto, float32, bfloat16, float16",
    "--identity absent.pt --identity-range 0..255": "unknown --identity-range '0..255'; there are -1..1, 0..1",
    "--runs absent": "there is no run of a system that completes pictures",
    "--profile other": "unknown profile 'other'; there are standard, lafin",
    "--baseline other": "unknown baseline 'other'; there are telea",
    "--features absent.pth": "no feature network at absent.pth",
    "--heads absent.pth": "--heads needs --features",
    "--frechet FEATURES --count 1": "--frechet compares sets of pictures; it needs two faces",
    "--snapshot lafin_predictor": "write MODEL=FILE",
    "--snapshot lafin_predictor=absent": "there is no snapshot at absent",
    "--model parser --snapshot parser=absent": "there is no snapshot at absent",
    "--model parser --exports": "model.pt is missing",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_mistakes_are_one_line(tiny_repository, drawn_folder, features_file, arguments: str):
    words = arguments.replace("FEATURES", str(features_file)).split()
    result = evaluate("--data", drawn_folder, "--repository", tiny_repository, *words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert MISTAKES[arguments] in str(result.exception.code)
    assert "Traceback" not in result.output
