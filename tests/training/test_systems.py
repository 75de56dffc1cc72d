"""Systems: which models they run, from snapshots or exports, and how they refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.checkpoint import CheckpointError
from training.given import Given
from training.papers import DEPLOYED, SYSTEMS
from training.systems import OpeningError, Repository, about, frame_pixels, open_system, opened

SEED = torch.Generator().manual_seed(0)


@pytest.fixture
def given() -> Given:
    image = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8, generator=SEED)
    hole = torch.zeros(1, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 64:128, 64:128] = 1
    return Given(image, hole, 255 * torch.rand(1, 68, 2, generator=SEED), ((0,),))


def test_what_a_system_opens_is_what_building_it_opens():
    assert opened("lafin") == ("lafin_predictor", "lafin_generator")
    assert opened("lafin_generator") == ("lafin_generator",)
    for name in SYSTEMS:
        assert opened(name)
        assert set(opened(name)) <= set(DEPLOYED)
    without_system = {"finder"}  # it sees photographs, not faces in their frame
    assert {model for name in SYSTEMS for model in opened(name)} == set(DEPLOYED) - without_system


@torch.no_grad()
def test_lafin_completes_with_its_own_landmarks(tiny_repository, given):
    repository = Repository(tiny_repository, {})
    whole = open_system("lafin", repository)(given)
    predicted = open_system("lafin_predictor", repository)(given)
    assert predicted.raw is None
    assert torch.equal(whole.landmarks, predicted.landmarks)
    generator = open_system("lafin_generator", repository)
    assert torch.equal(generator(replace(given, landmarks=predicted.landmarks)).raw, whole.raw)
    assert not torch.equal(generator(given).raw, whole.raw)
    assert (whole.raw.dtype, tuple(whole.raw.shape)) == (torch.uint8, (1, 3, 256, 256))


@torch.no_grad()
def test_the_parser_answers_with_class_ids(tiny_repository, given):
    answer = open_system("parser", Repository(tiny_repository, {}))(given)
    assert (answer.parsing.dtype, tuple(answer.parsing.shape)) == (torch.uint8, (1, 1, 256, 256))
    assert int(answer.parsing.max()) < 11
    assert answer.raw is None


class Corner(torch.nn.Module):
    """A predictor that puts every landmark into the lower right corner."""

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return torch.full([image.shape[0], 68, 2], 255.0)


def test_exports_are_run_instead_of_snapshots(tmp_path, given):
    (tmp_path / "lafin_predictor" / "1").mkdir(parents=True)
    torch.jit.script(Corner()).save(str(tmp_path / "lafin_predictor" / "1" / "model.pt"))
    answer = open_system("lafin_predictor", Repository(tmp_path, {}, exported=True))(given)
    assert torch.equal(answer.landmarks, torch.full((1, 68, 2), 255.0))


@torch.no_grad()
def test_gfc_sees_128_pixels_and_noise_that_depends_on_no_batch(tiny_repository):
    assert [frame_pixels(name) for name in ("gfc", "lafin", "lafin_predictor")] == [128, 256, 256]
    images = torch.randint(0, 256, (3, 3, 128, 128), dtype=torch.uint8, generator=SEED)
    hole, points = torch.ones(3, 1, 128, 128, dtype=torch.uint8), torch.zeros(3, 68, 2)
    seeds = ((0, 0), (0, 1), (0, 2))
    system = open_system("gfc", Repository(tiny_repository, {}))
    together = system(Given(images, hole, points, seeds))
    parts = [
        system(Given(images[part], hole[part], points[part], seeds[part])).raw for part in (slice(0, 1), slice(1, 3))
    ]
    assert (together.raw.int() - torch.cat(parts).int()).abs().float().mean() < 0.5
    other = system(Given(images, hole, points, ((1, 0), (1, 1), (1, 2)))).raw
    assert (together.raw.int() - other.int()).abs().float().mean() > 0.5
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
    (tmp_path / "parser" / "1").mkdir(parents=True)
    (tmp_path / "parser" / "1" / "model.pt").write_text("no archive")
    with pytest.raises(OpeningError, match=r"model\.pt is no TorchScript file: "):
        open_system("parser", Repository(tmp_path, {}, exported=True))


def test_fingerprints_are_of_the_files_that_were_run(tiny_repository):
    other = {"lafin_predictor": Path(tiny_repository / "lafin_generator" / "snapshot.safetensors")}
    plain = Repository(tiny_repository, {}).fingerprints(opened("lafin"))
    swapped = Repository(tiny_repository, other).fingerprints(opened("lafin"))
    assert plain["lafin_predictor"] != plain["lafin_generator"]
    assert swapped["lafin_predictor"] == plain["lafin_generator"]
    told = about("lafin", Repository(tiny_repository, other))
    assert told == {"model": "lafin", "frame_pixels": 256, "weights": swapped}


@torch.no_grad()
def test_a_lower_precision_is_near_float32_and_auto_keeps_what_is_not(tiny_repository, given, monkeypatch):
    exact = open_system("gfc", Repository(tiny_repository, {}))
    frame = Given(given.image[..., :128, :128], given.hole[..., :128, :128], given.landmarks / 2, ((0,),))
    expected = exact(frame).raw.float()
    lowered = open_system("gfc", Repository(tiny_repository, {}, precision="bfloat16"))(frame).raw.float()
    assert not torch.equal(lowered, expected)
    assert float((lowered - expected).abs().median()) <= 2  # un-pooling places single pixels elsewhere
    monkeypatch.setattr("training.systems.best_precision", lambda gpu, processor: "bfloat16")
    for words, same in (("it has 3 dB, not 42", True), ("", False)):
        monkeypatch.setattr("training.systems.shortfall", lambda *_, words=words: words)
        chosen = open_system("gfc", Repository(tiny_repository, {}, precision="auto"))(frame).raw.float()
        assert torch.equal(chosen, expected if same else lowered)
