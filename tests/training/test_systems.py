"""Systems: which models they run, from snapshots or exports, and how they refuse."""

from pathlib import Path

import pytest
import torch

from training.checkpoint import CheckpointError
from training.papers import DEPLOYED
from training.systems import MODELS, SYSTEMS, OpeningError, Repository, frame_pixels, open_system

SEED = torch.Generator().manual_seed(0)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8, generator=SEED)
    hole = torch.zeros(1, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 64:128, 64:128] = 1
    return image, hole, 255 * torch.rand(1, 68, 2, generator=SEED)


def test_every_system_lists_its_models():
    assert MODELS.keys() == SYSTEMS.keys()
    for name, build in SYSTEMS.items():
        opened: list[str] = []
        build(lambda model, opened=opened: opened.append(model))
        assert tuple(opened) == MODELS[name]
        assert set(opened) <= set(DEPLOYED)


@torch.no_grad()
def test_lafin_completes_with_its_own_landmarks(tiny_repository, batch):
    image, hole, landmarks = batch
    repository = Repository(tiny_repository, {})
    whole = open_system("lafin", repository)(*batch)
    predicted = open_system("lafin_predictor", repository)(*batch)
    assert predicted.raw is None
    assert torch.equal(whole.landmarks, predicted.landmarks)
    given = open_system("lafin_generator", repository)
    assert torch.equal(given(image, hole, predicted.landmarks).raw, whole.raw)
    assert not torch.equal(given(image, hole, landmarks).raw, whole.raw)
    assert (whole.raw.dtype, tuple(whole.raw.shape)) == (torch.uint8, (1, 3, 256, 256))


class Corner(torch.nn.Module):
    """A predictor that puts every landmark into the lower right corner."""

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return torch.full([image.shape[0], 68, 2], 255.0)


def test_exports_are_run_instead_of_snapshots(tmp_path, batch):
    (tmp_path / "lafin_predictor" / "1").mkdir(parents=True)
    torch.jit.script(Corner()).save(str(tmp_path / "lafin_predictor" / "1" / "model.pt"))
    answer = open_system("lafin_predictor", Repository(tmp_path, {}, exported=True))(*batch)
    assert torch.equal(answer.landmarks, torch.full((1, 68, 2), 255.0))


@torch.no_grad()
def test_gfc_sees_128_pixels_and_noise_that_depends_on_no_batch(tiny_repository):
    assert [frame_pixels(name) for name in ("gfc", "lafin", "lafin_predictor")] == [128, 256, 256]
    images = torch.randint(0, 256, (3, 3, 128, 128), dtype=torch.uint8, generator=SEED)
    hole, points = torch.ones(3, 1, 128, 128, dtype=torch.uint8), torch.zeros(3, 68, 2)
    together = open_system("gfc", Repository(tiny_repository, {}))(images, hole, points)
    again = open_system("gfc", Repository(tiny_repository, {}))
    parts = [again(images[part], hole[part], points[part]).raw for part in (slice(0, 1), slice(1, 3))]
    assert (together.raw.int() - torch.cat(parts).int()).abs().float().mean() < 0.5
    assert together.landmarks is None


def test_missing_and_wrong_models_are_refused(tiny_repository, tmp_path):
    with pytest.raises(OpeningError, match="unknown model 'other'; there are lafin, "):
        open_system("other", Repository(tiny_repository, {}))
    with pytest.raises(CheckpointError, match="there is no snapshot at"):
        open_system("lafin", Repository(tmp_path, {}))
    with pytest.raises(OpeningError, match=r"model\.pt is missing; training\.export makes it"):
        open_system("lafin", Repository(tmp_path, {}, exported=True))
    wrong = {"lafin_predictor": tiny_repository / "lafin_generator" / "snapshot.safetensors"}
    with pytest.raises(OpeningError, match="does not fit lafin_predictor"):
        open_system("lafin_predictor", Repository(tiny_repository, wrong))


def test_fingerprints_are_of_the_files_that_were_run(tiny_repository):
    other = {"lafin_predictor": Path(tiny_repository / "lafin_generator" / "snapshot.safetensors")}
    plain = Repository(tiny_repository, {}).fingerprints(MODELS["lafin"])
    swapped = Repository(tiny_repository, other).fingerprints(MODELS["lafin"])
    assert plain["lafin_predictor"] != plain["lafin_generator"]
    assert swapped["lafin_predictor"] == plain["lafin_generator"]
