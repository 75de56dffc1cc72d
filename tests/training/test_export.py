import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.checkpoint import save_snapshot
from training.export import ExportError, export, is_stale, main
from training.layers.spectral import folded_state
from training.papers import DEPLOYED
from training.papers.lafin.networks import Generator, Predictor
from training.signature import SignatureError

REPOSITORY = Path(__file__).parents[2] / "model_repository"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    for name in ("lafin_predictor", "lafin_generator"):
        (tmp_path / name).mkdir()
        shutil.copy(REPOSITORY / name / "config.pbtxt", tmp_path / name)
    save_snapshot(tmp_path / "lafin_generator" / "snapshot.safetensors", folded_state(Generator(8)), {})
    save_snapshot(tmp_path / "lafin_predictor" / "snapshot.safetensors", Predictor().state_dict(), {})
    return tmp_path


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


def test_an_export_is_stale_when_its_snapshot_is_newer(repository: Path) -> None:
    folder = repository / "lafin_generator"
    assert is_stale(folder)
    export(folder, DEPLOYED["lafin_generator"])
    assert not is_stale(folder)
    os.utime(folder / "1" / "model.pt", (0, 0))
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


def test_a_missing_snapshot_is_one_line(repository: Path) -> None:
    (repository / "lafin_predictor" / "snapshot.safetensors").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "training.export", "--repository", str(repository)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "snapshot.safetensors is missing" in done.stderr
    assert len(done.stderr.splitlines()) == 1
