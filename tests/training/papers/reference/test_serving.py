from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests.training.deploying import model_folder
from training.checkpoint import save_snapshot
from training.export import export
from training.given import Given
from training.papers import DEPLOYED, SYSTEMS
from training.papers.reference.attributes import RATINGS, names
from training.papers.reference.networks import Generator
from training.papers.reference.recipe import build_tiny
from training.papers.reference.serving import describe, load_extractor, load_generator
from training.papers.reference.snapshots import described, weights_for
from training.recipe import Files
from training.signature import SignatureError
from training.step import State

NAMES = names(RATINGS)


@pytest.fixture(scope="module")
def frozen() -> dict[str, State]:
    torch.manual_seed(0)
    step = build_tiny(Files())
    return step.freeze(step.networks)


def picture(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.randint(0, 256, (count, 3, 256, 256), dtype=torch.uint8)
    hole = torch.zeros(count, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 60:180, 60:180] = 1
    return image, hole


@torch.no_grad()
def test_the_extractor_reads_what_is_visible(frozen: dict[str, State]) -> None:
    served = load_extractor(frozen["extractor"])
    image, hole = picture()
    attributes = served(image, hole)
    assert (attributes.dtype, attributes.shape) == (torch.float32, (2, 8))
    assert float(attributes.abs().max()) <= 1
    other = torch.where(hole > 0, 255 - image, image)
    assert torch.equal(attributes, served(other, hole))
    assert not torch.equal(served(image, 0 * hole), served(other, 0 * hole))


@torch.no_grad()
def test_the_generator_obeys_attributes_within_their_range(frozen: dict[str, State]) -> None:
    served = load_generator(frozen["generator"])
    image, hole = picture()
    vector = torch.linspace(-1, 1, 16).view(2, 8)
    raw = served(image, hole, vector)
    assert (raw.dtype, raw.shape) == (torch.uint8, (2, 3, 256, 256))
    assert torch.equal(raw, served(torch.where(hole > 0, 255 - image, image), hole, vector))
    assert torch.equal(served(image, hole, 9 * torch.ones(2, 8)), served(image, hole, torch.ones(2, 8)))


@torch.no_grad()
def test_rows_of_one_picture_are_encoded_once_and_each_is_what_it_is_alone(
    frozen: dict[str, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = load_generator(frozen["generator"])
    image, hole = (tensor[:1] for tensor in picture())
    vectors = torch.linspace(-1, 1, 24).view(3, 8)
    alone = torch.cat([served(image, hole, vector[None]) for vector in vectors])
    encoded, encode = [], served.generator.encode
    monkeypatch.setattr(served.generator, "encode", lambda *given: encoded.append(len(given[0])) or encode(*given))
    assert torch.equal(served(image.expand(3, -1, -1, -1), hole.expand(3, -1, -1, -1), vectors), alone)
    assert encoded == [1]
    two, other = picture(2)
    served(two, other, vectors[:2])
    served(image.expand(2, -1, -1, -1), other * torch.tensor([0, 1], dtype=torch.uint8).view(2, 1, 1, 1), vectors[:2])
    assert encoded == [1, 2, 2]


@torch.no_grad()
def test_the_backbone_alone_is_served_too_and_obeys_none() -> None:
    served = load_generator(Generator(2, 0).state_dict())
    image, hole = picture(1)
    assert torch.equal(served(image, hole, torch.ones(1, 8)), served(image, hole, -torch.ones(1, 8)))


def test_sizes_follow_from_the_snapshot(frozen: dict[str, State]) -> None:
    assert load_generator(frozen["generator"]).attributes == 8
    wide = Generator(3, 5)
    assert load_generator(wide.state_dict()).generator.encoder[0].out_channels == 3
    state = described(frozen["extractor"], NAMES, 64)
    assert load_extractor(state).extractor.pixels == 64


@torch.no_grad()
def test_a_generator_that_learned_on_small_frames_paints_at_their_side(frozen: dict[str, State]) -> None:
    served = load_generator(described(frozen["generator"], NAMES, 128))
    image, hole = picture()
    hole[:, :, 59:60, 71:92] = 1  # its edges lie between the pixels of the small frame
    vector = torch.linspace(-1, 1, 16).view(2, 8)
    raw = served(image, hole, vector)
    assert torch.equal(raw, served(torch.where(hole > 0, 255 - image, image), hole, vector))
    missing = F.max_pool2d(hole.float(), 2)
    small = F.avg_pool2d(image / 255 * (1 - hole), 2) * (1 - missing)
    maps = served.generator.maps(missing)
    painted = served.generator.decode(served.generator.encode(small, missing, maps), maps, vector)
    expected = F.interpolate(painted, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    assert raw.shape == image.shape
    assert float((raw / 255 - expected).abs().max()) < 0.51 / 255


def test_snapshots_say_what_their_attributes_are(frozen: dict[str, State], tmp_path: Path) -> None:
    for name in ("extractor", "generator"):
        assert describe(frozen[name]) == {"attributes": ",".join(NAMES)}
    with pytest.raises(RuntimeError, match=r"its attributes are gender, age.*not Smiling"):
        weights_for(frozen["generator"], ("Smiling",), 0)
    with pytest.raises(RuntimeError, match="it sees pictures at 0 px, not at 64"):
        weights_for(frozen["extractor"], NAMES, 64)
    save_snapshot(tmp_path / "other.safetensors", described(frozen["generator"], ("Smiling", "Male"), 0), {})
    folder = model_folder(tmp_path, "reference_generator", tmp_path / "other.safetensors")
    with pytest.raises(SignatureError, match=r"says 'gender,age"):
        export(folder, DEPLOYED["reference_generator"], "float32")


def test_a_snapshot_goes_on_in_a_training(frozen: dict[str, State]) -> None:
    step = build_tiny(Files())
    for name, state in frozen.items():
        step.thaw(name, state)
        again = step.freeze(step.networks)[name]
        assert all(torch.equal(again[key], tensor) for key, tensor in state.items())


@torch.no_grad()
def test_the_systems_read_the_own_face_or_the_reference(frozen: dict[str, State]) -> None:
    models = {
        f"reference_{name}": DEPLOYED[f"reference_{name}"].load(frozen[name]) for name in ("extractor", "generator")
    }
    image, hole = picture()
    reference = 255 - image
    given = Given(image, hole, torch.zeros(2, 68, 2), ((0,), (1,)), reference)
    own, guided = (SYSTEMS[name](models.__getitem__)(given) for name in ("reference", "reference_guided"))
    extractor, generator = models["reference_extractor"], models["reference_generator"]
    assert torch.equal(own.attributes, extractor(image, hole))
    assert torch.equal(guided.attributes, extractor(reference, 0 * hole))
    for answer in (own, guided):
        assert torch.equal(answer.raw, generator(image, hole, answer.attributes))


@pytest.mark.parametrize("model", ["reference_extractor", "reference_generator"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_models_export_as_their_configuration_says(
    frozen: dict[str, State], tmp_path: Path, model: str, precision: str
) -> None:
    save_snapshot(tmp_path / "snapshot.safetensors", frozen[model.partition("_")[2]], {})
    folder = model_folder(tmp_path, model, tmp_path / "snapshot.safetensors")
    export(folder, DEPLOYED[model], precision)
    assert (folder / "1" / "model.pt").is_file()
