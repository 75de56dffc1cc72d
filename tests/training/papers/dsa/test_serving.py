"""Bytes in, bytes out, at both sizes; and what bfloat16 leaves of the picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention
from training.papers.dsa.networks import Generator, MakeAttention
from training.papers.dsa.serving import DEPLOYED, load_generator, load_large_generator
from training.precision import script_in, shortfall
from training.seen import with_pixels

LOADERS = {256: load_generator, 1024: load_large_generator}


def state_of(levels: int, width: int = 4, attention: MakeAttention = DualSpatialAttention) -> dict[str, Tensor]:
    """With attention that is not silent."""
    torch.manual_seed(0)
    generator = Generator(levels, width, attention)
    for name, parameter in generator.named_parameters():
        if name.endswith((".alpha", ".beta")):
            torch.nn.init.constant_(parameter, 0.3)
    return generator.state_dict()


@torch.no_grad()
@pytest.mark.parametrize(("pixels", "levels"), [(256, 8), (1024, 10)])
def test_what_lies_in_the_hole_plays_no_part(pixels: int, levels: int) -> None:
    served = LOADERS[pixels](state_of(levels))
    image = torch.randint(0, 256, (1, 3, pixels, pixels), dtype=torch.uint8)
    hole = torch.zeros(1, 1, pixels, pixels, dtype=torch.uint8)
    hole[:, :, pixels // 4 : pixels // 2, pixels // 4 : pixels // 2] = 1
    raw = served(image, hole)
    assert (raw.dtype, raw.shape) == (torch.uint8, image.shape)
    assert torch.equal(raw, served(image * (1 - hole), hole))
    assert not torch.equal(raw, served(image, 0 * hole))


@torch.no_grad()
def test_a_generator_that_learned_on_small_frames_paints_at_their_side() -> None:
    state = state_of(8)
    served = load_generator(with_pixels(state, 128))
    image = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 61:130, 90:201] = 1
    raw = served(image, hole)
    assert torch.equal(raw, served(image * (1 - hole), hole))
    small = F.avg_pool2d(image / 255 * (1 - hole), 2)
    missing = F.max_pool2d(hole.float(), 2)
    painted = load_generator(state).generator(small * (1 - missing), missing)
    expected = F.interpolate(painted, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    assert raw.shape == image.shape
    assert float((raw / 255 - expected).abs().max()) < 0.51 / 255


def test_the_width_follows_from_the_weights_and_the_size_from_the_model() -> None:
    assert load_generator(state_of(8, 6)).generator.encoder[0][0].out_channels == 6
    with pytest.raises(RuntimeError, match="decoder"):
        load_generator(state_of(10))
    with pytest.raises(RuntimeError, match="decoder"):
        load_large_generator(state_of(8))


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_ablation_of_table_3_is_measured_and_exported_as_well() -> None:
    """Its snapshots have another attention, which follows from their keys."""
    served = load_generator(state_of(8, attention=ContextualAttention))
    image = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
    hole[0, :, 61:130, 90:201], hole[1, :, 10:50, 20:60] = 1, 1
    script = torch.jit.freeze(torch.jit.script(served))
    apart = (script(image, hole).float() - served(image, hole).float()).abs()
    assert apart.max() <= 1
    silent = load_generator(
        {key: 0 * t if "alpha" in key else t for key, t in state_of(8, 4, ContextualAttention).items()}
    )
    assert not torch.equal(silent(image, hole), served(image, hole))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("model", "levels", "width", "pixels"),
    [("dsa_generator", 8, 8, 0), ("dsa_generator", 8, 8, 128), ("dsa_generator_1024", 10, 4, 0)],
)
def test_bfloat16_stays_near_float32(model: str, levels: int, width: int, pixels: int) -> None:
    """42 dB over the frame and inside the hole, on drawn faces."""
    deployed = DEPLOYED[model]
    eager = deployed.load(with_pixels(state_of(levels, width), pixels))
    assert shortfall(eager, script_in(eager, deployed, "bfloat16"), deployed, "bfloat16") == ""
