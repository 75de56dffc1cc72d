import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deploy.models import make_models
from deploy.models import sources as deploy_sources
from tests.training.written_runs import write_run
from training.checkpoint import load_snapshot, save_snapshot
from training.exchange import JOURNAL
from training.export import MADE_FROM, ExportError, export, is_stale, main, trained_ensembles
from training.layers.spectral import folded_state
from training.papers import DEPLOYED
from training.papers.gfc.networks import Generator as GfcGenerator
from training.papers.lafin.networks import Generator, Predictor
from training.precision import written_precision
from training.signature import SignatureError

REPOSITORY = Path(__file__).parents[2] / "model_repository"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The two models of LaFIn, untrained."""
    torch.manual_seed(0)
    repository = tmp_path / "repository"
    add_model(repository, "lafin_generator", folded_state(Generator(8)))
    add_model(repository, "lafin_predictor", Predictor().state_dict())
    return repository


def add_model(repository: Path, name: str, state: dict[str, torch.Tensor]) -> None:
    (repository / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / name / "config.pbtxt", repository / name)
    shutil.copy(REPOSITORY / name / "card.md", repository / name)
    save_snapshot(repository / name / "snapshot.safetensors", state, {})


@pytest.fixture
def houses(repository: Path) -> Path:
    """Two rooms in one repository: LaFIn with its ensemble, and GFC."""
    add_model(repository, "gfc_generator", GfcGenerator(2, 16).state_dict())
    (repository / "lafin").mkdir()
    for name in ("config.pbtxt", "card.md"):
        shutil.copy(REPOSITORY / "lafin" / name, repository / "lafin")
    return repository


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder of the recipe `lafin_tiny` with both parts trained."""
    return write_run(tmp_path / "runs" / "lafin", "lafin_tiny", Predictor(), Generator(8, spectral=False))


@pytest.fixture
def gfc_run(tmp_path: Path) -> Path:
    """A run folder of the recipe `gfc_tiny`."""
    return write_run(tmp_path / "runs" / "gfc", "gfc_tiny", GfcGenerator(2, 16))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_models_are_exported_and_load_in_plain_torch(repository: Path) -> None:
    for name in ("lafin_predictor", "lafin_generator"):
        export(repository / name, DEPLOYED[name])
    image = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
    hole[..., 64:192, 64:192] = 1
    landmarks = torch.jit.load(repository / "lafin_predictor" / "1" / "model.pt")(image, hole)
    assert landmarks.shape == (2, 68, 2)
    assert landmarks.dtype == torch.float32
    assert 0 <= landmarks.min() <= landmarks.max() <= 255
    generator = torch.jit.load(repository / "lafin_generator" / "1" / "model.pt")
    raw = generator(image, hole, landmarks)
    assert raw.dtype == torch.uint8
    assert raw.shape == image.shape
    inside = image.clone()
    inside[..., 64:192, 64:192] = 7  # what lies under the hole must not matter
    assert torch.equal(generator(inside, hole, landmarks), raw)
    assert not torch.equal(generator(image, hole, landmarks + 20), raw)


def test_an_export_is_stale_when_it_was_made_from_other_files_whatever_the_dates_say(repository: Path) -> None:
    folder = repository / "lafin_generator"
    assert is_stale(folder)
    export(folder, DEPLOYED["lafin_generator"])
    os.utime(folder / "1" / "model.pt", (0, 0))
    assert not is_stale(folder)
    assert json.loads((folder / "1" / MADE_FROM).read_text()) == deploy_sources(folder)
    state, metadata = load_snapshot(folder / "snapshot.safetensors")
    save_snapshot(folder / "snapshot.safetensors", state, metadata | {"images_seen": "7"})
    os.utime(folder / "snapshot.safetensors", (0, 0))
    assert is_stale(folder)


def test_another_signature_is_refused(repository: Path) -> None:
    config = repository / "lafin_generator" / "config.pbtxt"
    config.write_text(config.read_text().replace("dims: [ 68, 2 ]", "dims: [ 98, 2 ]", 1))
    with pytest.raises(SignatureError, match=r"INPUT__2 FP32 \[98, 2\].*INPUT__2 FP32 \[68, 2\]"):
        export(repository / "lafin_generator", DEPLOYED["lafin_generator"])


def test_a_snapshot_of_another_network_is_refused(repository: Path) -> None:
    shutil.copy(repository / "lafin_generator" / "snapshot.safetensors", repository / "lafin_predictor")
    with pytest.raises(ExportError, match=r"does not fit lafin_predictor.*Missing key"):
        export(repository / "lafin_predictor", DEPLOYED["lafin_predictor"])
    assert not (repository / "lafin_predictor" / "1").exists()


def test_an_ensemble_gets_its_empty_version_folder(repository: Path) -> None:
    (repository / "lafin").mkdir()
    shutil.copy(REPOSITORY / "lafin" / "config.pbtxt", repository / "lafin")
    main(repository, model=["lafin_generator"])
    assert (repository / "lafin_generator" / "1" / "model.pt").is_file()
    assert list((repository / "lafin" / "1").iterdir()) == []


def test_what_was_never_trained_is_passed_over_with_its_ensemble(repository: Path) -> None:
    (repository / "lafin").mkdir()
    shutil.copy(REPOSITORY / "lafin" / "config.pbtxt", repository / "lafin")
    for name in ("snapshot.safetensors", "card.md"):
        (repository / "lafin_predictor" / name).unlink()
    main(repository)
    assert (repository / "lafin_generator" / "1" / "model.pt").is_file()
    assert not (repository / "lafin" / "1").exists()
    with pytest.raises(SystemExit, match=r"lafin_predictor.*snapshot\.safetensors is missing"):
        main(repository, model=["lafin_predictor"])


def test_a_missing_snapshot_is_one_line(repository: Path) -> None:
    (repository / "lafin_predictor" / "snapshot.safetensors").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "training.export", "--repository", str(repository)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "snapshot.safetensors is missing" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_run_gives_the_models_of_its_recipe_and_no_others(
    houses: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both rooms call a part `generator`. What is to be started anew is said, as nothing else happens to an engine."""
    gfc = contents(houses / "gfc_generator")
    main(houses, run=run)
    said = capsys.readouterr().out
    for words in ("goes on with the models before", "make serve ", "make up ", "Triton, explicit loading"):
        assert words in said
    assert contents(houses / "gfc_generator") == gfc
    for name, part in (("lafin_predictor", "predictor"), ("lafin_generator", "generator")):
        snapshot = houses / name / "snapshot.safetensors"
        assert snapshot.read_bytes() == (run / part / f"{part}.safetensors").read_bytes()
        assert not is_stale(houses / name)
        assert f"curl -fX POST http://127.0.0.1:8000/v2/repository/models/{name}/load" in said
    assert said.rstrip().endswith("/v2/repository/models/lafin/load")  # once both are there, the ensemble
    assert "models/reference/load" not in said
    assert [path.name for path in houses.iterdir() if not path.is_dir()] == []


def test_an_ensemble_is_served_when_all_its_models_are_trained(houses: Path) -> None:
    """ShowFace's calls the parser, too, which `houses` has not."""
    new = ["showface_coarse", "showface_refiner"]
    assert trained_ensembles(houses) == {"lafin": ["lafin_predictor", "lafin_generator"]}
    for name in ("showface", *new, "parser"):
        (houses / name).mkdir()
        shutil.copy(REPOSITORY / name / "config.pbtxt", houses / name)
    assert list(trained_ensembles(houses, new)) == ["lafin"]
    shutil.copy(REPOSITORY / "parser" / "card.md", houses / "parser")
    assert list(trained_ensembles(houses, new)) == ["lafin", "showface"]


def spoil_values(houses: Path, run: Path) -> None:
    path = run / "generator" / "generator.safetensors"
    state, metadata = load_snapshot(path)
    state["encoder1.1.weight"][0, 0, 0, 0] = float("nan")
    save_snapshot(path, state, metadata)


def spoil_fit(houses: Path, run: Path) -> None:
    save_snapshot(run / "generator" / "generator.safetensors", GfcGenerator(2, 16).state_dict(), {})


def spoil_signature(houses: Path, run: Path) -> None:
    config = houses / "lafin_generator" / "config.pbtxt"
    config.write_text(config.read_text().replace("dims: [ 68, 2 ]", "dims: [ 98, 2 ]", 1))


def spoil_file(houses: Path, run: Path) -> None:
    (run / "generator" / "generator.safetensors").write_bytes(b"half a fi")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_values, r"not finite, in encoder1\.1\.weight"),
        (spoil_fit, "does not fit lafin_generator"),
        (spoil_signature, "declares"),
        (spoil_file, "is not a safetensors file"),
    ],
)
def test_nothing_is_replaced_unless_everything_is_good(
    spoil: Callable[[Path, Path], None], message: str, houses: Path, run: Path
) -> None:
    """The predictor, which comes first, is good in every case."""
    spoil(houses, run)
    before = contents(houses)
    with pytest.raises(SystemExit, match=message):
        main(houses, run=run)
    assert contents(houses) == before


def test_nothing_is_replaced_when_script_and_eager_differ(
    houses: Path, gfc_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEPLOYED, "gfc_generator", replace(DEPLOYED["gfc_generator"], output_tolerance=-1.0))
    before = contents(houses)
    with pytest.raises(SystemExit, match="eager and script differ"):
        main(houses, run=gfc_run)
    assert contents(houses) == before


DYING = """
import os, signal, sys
from pathlib import Path
from training.export import main

rename = Path.replace

def replace(self, target):
    if Path(target).name == "model.pt" and Path(target).parent.name == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = replace
main(Path(sys.argv[1]), run=Path(sys.argv[2]))
"""


def test_a_killed_export_is_finished_by_the_next_start(houses: Path, gfc_run: Path) -> None:
    """The kill comes when snapshot and card are in place, and the script is not."""
    for name in DEPLOYED.keys() & {folder.name for folder in houses.iterdir()}:
        (houses / name / "1").mkdir()
        (houses / name / "1" / "model.pt").write_bytes(b"the script before")
        (houses / name / "1" / MADE_FROM).write_text(json.dumps(deploy_sources(houses / name)))
    old = contents(houses)
    assert subprocess.run([sys.executable, "-c", DYING, str(houses), str(gfc_run)]).returncode == -signal.SIGKILL
    assert contents(houses)["gfc_generator/1/model.pt"] == b"the script before"
    assert (houses / JOURNAL).is_file()
    make_models(houses)
    now = contents(houses)
    assert now.keys() == old.keys()
    assert {name for name, content in now.items() if old[name] != content} == {
        f"gfc_generator/{name}" for name in ("snapshot.safetensors", "card.md", "1/model.pt", f"1/{MADE_FROM}")
    }
    assert now["gfc_generator/snapshot.safetensors"] == (gfc_run / "generator" / "generator.safetensors").read_bytes()
    assert not is_stale(houses / "gfc_generator")


def test_a_file_of_another_precision_than_the_one_named_is_stale(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository / "lafin_generator"
    main(repository, model=["lafin_generator"], precision="float32")
    assert capsys.readouterr().out == f"exported {folder / '1' / 'model.pt'} in float32\n"
    assert written_precision(folder / "1" / "model.pt") == "float32"
    assert not is_stale(folder)
    assert not is_stale(folder, "float32")
    assert is_stale(folder, "bfloat16")


def test_a_precision_that_does_not_exist_is_refused(repository: Path) -> None:
    with pytest.raises(SystemExit, match="unknown precision 'int8'; there are auto, float32, bfloat16, float16"):
        main(repository, precision="int8")
