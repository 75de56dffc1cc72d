"""What is deployed: bytes in, bytes out; what follows from the weights; the system as a whole."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from training.checkpoint import CheckpointError, save_snapshot
from training.data.drawn import DrawnFaces
from training.evaluate import app
from training.given import Given
from training.papers.showface.networks import FULL, WITHOUT_BOTH, WITHOUT_MINING, Coarse, Reconstruction, Refiner
from training.papers.showface.serving import (
    DEPLOYED,
    build_refiner,
    load_coarse,
    load_refiner,
    open_coarse,
    open_inco2,
    showface,
    showface_coarse,
)
from training.precision import script_in, shortfall
from training.seen import with_pixels


def frame() -> tuple[torch.Tensor, torch.Tensor]:
    pictures = [torch.from_numpy(DrawnFaces(2, 256).image(face)).permute(2, 0, 1) for face in range(2)]
    hole = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 80:190, 60:200] = 1
    return torch.stack(pictures), hole


def painting(kind: str = FULL, *, slots: int = 4, disentangled: bool = True) -> Refiner:
    """A refiner that changes what it sees, and whose memory holds something."""
    refiner = Refiner(2, 4, 4, 1, slots=slots, kind=kind, disentangled=disentangled)
    torch.nn.init.normal_(refiner.refinement.last.weight, std=0.1)
    image, hole = frame()
    if kind != WITHOUT_BOTH:
        refiner.memory.write(*refiner.vectors(image / 255, hole.float(), torch.ones(2, 256, 256, dtype=torch.long)))
    return refiner


@torch.no_grad()
def test_the_coarse_face_is_the_picture_itself_outside_the_hole() -> None:
    served, (image, hole) = load_coarse(Coarse(4, 4).state_dict()), frame()
    face = served(image, hole)
    assert (face.dtype, face.shape) == (torch.uint8, image.shape)
    assert torch.equal(face * (1 - hole), image * (1 - hole))
    assert torch.equal(face, served(image * (1 - hole), hole))
    assert not torch.equal(face, image)


@torch.no_grad()
def test_the_parsing_map_guides_the_refiner() -> None:
    served, (image, hole) = load_refiner(painting().state_dict()), frame()
    parsing = torch.ones(2, 1, 256, 256, dtype=torch.uint8)
    raw = served(image, hole, parsing)
    assert (raw.dtype, raw.shape) == (torch.uint8, image.shape)
    parsing[:, :, :128] = 12
    assert not torch.equal(raw, served(image, hole, parsing))


@torch.no_grad()
def test_a_coarse_network_that_learned_on_small_frames_paints_at_their_side() -> None:
    """Outside the hole the picture itself stays, at its own sharpness."""
    coarse, (image, hole) = Coarse(4, 4), frame()
    hole[:, :, 81:84, 31:200] = 1  # its edges cross the pixels of the smaller side
    face = load_coarse(with_pixels(coarse.state_dict(), 128))(image, hole)
    small, missing = F.avg_pool2d(image / 255 * (1 - hole), 2), F.max_pool2d(hole.float(), 2)
    painted = F.interpolate(coarse(small, missing), scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    assert float(((face / 255 - painted).abs() * hole).max()) < 0.51 / 255
    assert torch.equal(face * (1 - hole), image * (1 - hole))


@torch.no_grad()
def test_a_refiner_that_learned_on_small_frames_sees_and_paints_at_their_side() -> None:
    refiner, (image, hole) = painting(), frame()
    hole[:, :, 81:84, 31:200] = 1
    parsing = torch.randint(0, 14, (2, 1, 64, 64)).repeat_interleave(4, 2).repeat_interleave(4, 3)
    raw = load_refiner(with_pixels(refiner.state_dict(), 128))(image, hole, parsing.to(torch.uint8))
    small, missing = F.avg_pool2d(image / 255, 2), F.max_pool2d(hole.float(), 2)
    painted = refiner(small, missing, parsing[:, 0, ::2, ::2])
    expected = F.interpolate(painted, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    assert (raw.dtype, raw.shape) == (torch.uint8, image.shape)
    assert float((raw / 255 - expected).abs().max()) < 0.51 / 255


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("pixels", [0, 128])
@pytest.mark.parametrize("model", DEPLOYED)
@torch.no_grad()
def test_in_float32_and_bfloat16_scripts_stay_near(model: str, pixels: int) -> None:
    """Within one level in float32; 42 dB over the frame and inside the hole in bfloat16, on drawn faces."""
    torch.manual_seed(0)
    network = Coarse(8, 5) if model == "showface_coarse" else painting()
    eager = DEPLOYED[model].load(with_pixels(network.state_dict(), pixels))
    image, hole = frame()
    given = (image, hole) if model == "showface_coarse" else (image, hole, torch.randint(0, 14, hole.shape).byte())
    script = script_in(eager, DEPLOYED[model], "float32")
    assert (script(*given).int() - eager(*given).int()).abs().max() <= 1
    assert shortfall(eager, script_in(eager, DEPLOYED[model], "bfloat16"), DEPLOYED[model], "bfloat16") == ""


@torch.no_grad()
def test_the_frozen_coarse_network_paints_small_frames_as_they_come_and_large_ones_as_it_is_served(
    tmp_path: Path,
) -> None:
    coarse, (image, hole) = Coarse(4, 4), frame()
    save_snapshot(tmp_path / "coarse.safetensors", with_pixels(coarse.state_dict(), 128), {}, half=False)
    frozen = open_coarse(tmp_path / "coarse.safetensors")
    small, missing = F.avg_pool2d(image / 255, 2), F.max_pool2d(hole.float(), 2)
    for known, hidden in ((small, missing), (small[..., :64, :64], missing[..., :64, :64])):
        assert torch.equal(frozen(known, hidden), coarse(known, hidden))
    served = load_coarse(with_pixels(coarse.state_dict(), 128))(image, hole)
    assert float(((frozen(image / 255, hole.float()) - served / 255).abs() * hole).max()) < 0.51 / 255


def test_sizes_follow_from_the_weights() -> None:
    coarse = load_coarse(Coarse(6, 5).state_dict()).coarse
    assert (coarse.down[0].convolution.out_channels, len(coarse.down)) == (6, 5)
    refiner = build_refiner(Refiner(3, 8, 5, 2, slots=7).state_dict())
    assert refiner.memory.bank.shape == (14, 7, 8)
    assert (refiner.style.layers[0].out_channels, len(refiner.refinement.deep)) == (3, 2)


@pytest.mark.parametrize("kind", [FULL, WITHOUT_MINING, WITHOUT_BOTH])
@torch.no_grad()
def test_a_snapshot_of_an_ablation_computes_as_it_was_trained(kind: str) -> None:
    refiner, (image, hole) = painting(kind), frame()
    again = build_refiner(refiner.state_dict())
    given = image / 255, hole.float(), torch.ones(2, 256, 256, dtype=torch.long)
    assert torch.allclose(again(*given), refiner(*given), atol=1e-6)


@torch.no_grad()
def test_one_block_for_all_classes_is_known_by_its_shape() -> None:
    refiner = painting(slots=20, disentangled=False)
    assert build_refiner(refiner.state_dict()).memory.bank.shape == (1, 20, 4)


def test_another_snapshot_is_refused_by_its_name(tmp_path: Path) -> None:
    save_snapshot(tmp_path / "coarse.safetensors", Coarse(4, 4).state_dict(), {})
    save_snapshot(tmp_path / "inco2.safetensors", Reconstruction(2).state_dict(), {})
    assert not any(p.requires_grad for p in open_coarse(tmp_path / "coarse.safetensors").parameters())
    assert not any(p.requires_grad for p in open_inco2(tmp_path / "inco2.safetensors").parameters())
    with pytest.raises(CheckpointError, match=r"inco2\.safetensors is no snapshot of a coarse network"):
        open_coarse(tmp_path / "inco2.safetensors")
    with pytest.raises(CheckpointError, match=r"coarse\.safetensors is no snapshot of an InCo2 network"):
        open_inco2(tmp_path / "coarse.safetensors")
    with pytest.raises(RuntimeError, match="no refiner"):
        build_refiner({"weight": torch.zeros(2)})


@torch.no_grad()
def test_the_system_hands_the_coarse_face_to_parser_and_refiner() -> None:
    seen: dict[str, tuple[torch.Tensor, ...]] = {}

    class Model(torch.nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            seen[self.name] = inputs
            return inputs[0][:, :1] if self.name == "parser" else inputs[0] + len(seen)

    image, hole = frame()
    given = Given(image, hole, torch.zeros(2, 68, 2), ((0,), (1,)))
    answer = showface(Model)(given)
    assert list(seen) == ["showface_coarse", "parser", "showface_refiner"]
    assert torch.equal(seen["parser"][0], answer.coarse)
    assert torch.equal(seen["showface_refiner"][0], answer.coarse)
    assert torch.equal(seen["showface_refiner"][1], given.hole)
    assert torch.equal(seen["showface_refiner"][2], answer.parsing)
    assert answer.raw is not None
    assert showface_coarse(Model)(given).raw is not None


def test_one_command_prints_the_papers_rows(drawn_folder: Path, tiny_repository: Path, features_file: Path) -> None:
    """L1, PSNR, SSIM and the Frechet distance of the buckets of Tables 1 to 4, for both stages."""
    for model in ("showface", "showface_coarse"):
        words = ["--data", drawn_folder, "--repository", tiny_repository, "--model", model, "--split", "all"]
        words += ["--holes", "1-20,20-40,40-60", "--frechet", features_file, "--device", "cpu", "--count", 3]
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        head = next(line for line in done.output.splitlines() if "PSNR" in line and line.startswith("|"))
        assert all(name in head for name in ("PSNR", "SSIM", "L1 %"))
        assert [bucket in done.output for bucket in ("1-20", "20-40", "40-60")] == [True] * 3
