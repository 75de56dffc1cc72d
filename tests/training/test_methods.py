"""Methods of a table: from a repository, from run folders, blended, and at another frame."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from training.baselines import telea
from training.blending import completed, poisson
from training.budget import minutes
from training.data.drawn import DrawnFaces
from training.errors import OptionError
from training.framed import frame_faces
from training.given import Answer, Given
from training.methods import Method, all_of_repository, at_frame, blended, of_repository, of_runs, plain_recipe
from training.papers import TABLES
from training.printed import Variant
from training.systems import Repository

FRAMED = frame_faces(DrawnFaces(3, 64, seed=2), 64)


def grey(given: Given) -> Answer:
    return Answer(raw=given.image * 0 + 90, landmarks=given.landmarks.float())


def test_every_papers_system_with_its_snapshots_is_opened_and_others_are_named(tiny_repository: Path, tmp_path) -> None:
    for model in ("gfc_generator", "lafin_predictor"):
        shutil.copytree(tiny_repository / model, tmp_path / model)
    methods, lacking = all_of_repository(Repository(tmp_path, {}))
    assert [method.name for method in methods] == ["gfc"]
    assert methods[0].variant == Variant("gfc")
    assert set(methods[0].about["weights"]) == {"gfc_generator"}
    assert [line.partition(" is left out: there is no snapshot at ")[0] for line in lacking] == [
        name for name in TABLES if name != "gfc"
    ]


def test_a_run_is_measured_with_its_own_weights_and_the_repositorys_for_the_rest(
    unbroken: Path, tiny_repository: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "narrow"
    shutil.copytree(unbroken, run / "generator")
    record = {"recipe": "lafin_without_attention_demo", "part": "generator", "sessions": [{"began": "today"}]}
    (run / "run.json").write_text(json.dumps({"recipe": record["recipe"]}))
    (run / "generator" / "run.json").write_text(json.dumps(record))
    models = Repository(tiny_repository, {})
    (method,), lacking = of_runs(tmp_path / "runs", models)
    assert lacking == []
    assert (method.name, method.variant) == ("narrow", Variant("lafin_without_attention"))
    shipped = of_repository("lafin", models).about["weights"]
    assert method.about["weights"]["lafin_predictor"] == shipped["lafin_predictor"]
    assert method.about["weights"]["lafin_generator"] != shipped["lafin_generator"]
    assert method.about["images_seen"]["lafin_generator"] == 12
    assert method.about["minutes"] == {"lafin_predictor": None, "lafin_generator": minutes(run / "generator")}
    assert method.about["began"] == {"generator": "today"}
    assert [one.name for one in of_runs(run, models)[0]] == ["narrow"]


def test_a_folder_without_such_a_run_is_refused(tiny_repository: Path, tmp_path: Path) -> None:
    (tmp_path / "parser").mkdir()
    (tmp_path / "parser" / "run.json").write_text('{"recipe": "parser_tiny"}')
    with pytest.raises(OptionError, match="no run of a system that completes pictures"):
        of_runs(tmp_path, Repository(tiny_repository, {}))


def test_a_run_that_lacks_a_snapshot_yet_is_left_out_with_a_line(tiny_repository: Path, tmp_path: Path) -> None:
    for name, recipe in (("early", "gfc_tiny"), ("parser", "parser_tiny")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"recipe": recipe}))
    methods, lacking = of_runs(tmp_path, Repository(tiny_repository, {}))
    assert methods == []
    assert len(lacking) == 1
    assert lacking[0].startswith(f"the run early is left out: {tmp_path / 'early'} has no recorded snapshot")


def test_a_run_of_models_that_the_papers_system_does_not_call_is_left_out_with_a_line(
    tiny_repository: Path, tmp_path: Path
) -> None:
    """It would be measured with the repository's weights. DSA's tables are of 256 px."""
    part, record = tmp_path / "large" / "generator_1024", {"recipe": "dsa_1024", "part": "generator_1024"}
    part.mkdir(parents=True)
    (tmp_path / "large" / "run.json").write_text(json.dumps({"recipe": record["recipe"]}))
    (part / "run.json").write_text(json.dumps(record))
    shutil.copy(tiny_repository / "dsa_generator_1024" / "snapshot.safetensors", part / "generator.safetensors")
    assert of_runs(tmp_path, Repository(tiny_repository, {})) == (
        [],
        ["the run large is left out: dsa calls none of what it trained: dsa_generator_1024"],
    )


def test_a_demo_stands_for_its_papers_recipe() -> None:
    named = ("gfc_m3", "dsa_demo", "lafin_tiny", "dsa_ffhq")
    assert [plain_recipe(name) for name in named] == ["gfc_m3", "dsa", "lafin", "dsa"]


def test_a_blended_method_puts_its_picture_in_as_the_blend_does() -> None:
    given = next(FRAMED.batches(3)).under("center", 0)
    method = blended(Method("grey", grey, 64, Variant("gfc")), "poisson")
    assert (method.name, method.variant) == ("grey + poisson", Variant("gfc", "poisson"))
    raw = method.system(given).raw
    assert torch.equal(completed(raw, given), completed(grey(given).raw, given, poisson))


def test_at_another_frame_a_method_sees_its_own_size_and_nothing_of_the_hole() -> None:
    given = next(FRAMED.batches(3)).under("20-40", 0)
    seen: list[Given] = []

    def watching(small: Given) -> Answer:
        seen.append(small)
        return grey(small)

    answer = at_frame(Method("grey", watching, 32), 64).system(given)
    (small,) = seen
    assert small.image.shape == (3, 3, 32, 32)
    assert not (small.image * small.hole).any()
    shrunk = torch.nn.functional.max_pool2d(given.hole.float(), 2)
    assert torch.equal(small.hole.float(), shrunk)
    known = small.hole.expand_as(small.image) == 0
    expected = torch.nn.functional.avg_pool2d(given.image.float(), 2).round().byte()
    assert torch.equal(small.image[known], expected[known])
    assert (answer.raw.shape, int(answer.raw.min()), int(answer.raw.max())) == (given.image.shape, 90, 90)
    assert torch.allclose(answer.landmarks, given.landmarks, atol=1e-3)
    assert small.noise_seeds == given.noise_seeds


def test_a_method_of_the_frame_or_of_any_stays_as_it_is() -> None:
    own, any_frame = Method("grey", grey, 64), Method("telea", telea)
    assert at_frame(own, 64) is own
    assert at_frame(any_frame, 64) is any_frame
