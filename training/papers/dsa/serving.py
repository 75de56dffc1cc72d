"""What is deployed of DSA, at 256 and at 1024 px: bytes in, bytes out. And the systems that run it."""

from __future__ import annotations

from torch import Tensor

from training.deployed import Deployed, Port, Served, in_bytes
from training.given import Answer, BuildSystem, OpenModel, System
from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention
from training.papers.dsa.networks import LEVELS, WIDTH, Generator, MakeAttention
from training.seen import enlarged, known_at, pixels_in, without_pixels


class ServedGenerator(Served):
    """image UINT8 [B,3,F,F], hole UINT8 [B,1,F,F] in {0,1} -> raw UINT8 [B,3,F,F]; F is 256 or 1024.

    `pixels`: the side that the generator paints at; 0 = F.
    """

    def __init__(self, generator: Generator, pixels: int = 0) -> None:
        super().__init__()
        self.generator = generator
        self.pixels = pixels

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        known, missing = known_at(image.float() / 255, hole.float(), self.pixels)
        raw = self.generator(known.to(self.dtype), missing.to(self.dtype))
        return in_bytes(enlarged(raw.float(), image.shape[2]))


def load_generator(state: dict[str, Tensor], *, pixels: int = 256) -> ServedGenerator:
    """The generator of a snapshot for one size of frame; its width and kind of attention follow from the weights.

    The side that it paints at is an entry of the snapshot (`training/seen.py`).
    Raises RuntimeError that names the keys when they do not fit: a snapshot of the other size has other layers.
    """
    first = state.get("encoder.0.0.weight")
    generator = Generator(LEVELS[pixels], WIDTH if first is None else first.shape[0], attention_in(state))
    generator.load_state_dict(without_pixels(state))
    return ServedGenerator(generator, pixels_in(state)).eval()


def attention_in(state: dict[str, Tensor]) -> MakeAttention:
    """The paper's, but for a snapshot of Table 3's ablation, whose attention has no queries."""
    keys = [key for key in state if ".attention." in key]
    contextual = bool(keys) and not any(".query." in key for key in keys)
    return ContextualAttention if contextual else DualSpatialAttention


def load_large_generator(state: dict[str, Tensor]) -> ServedGenerator:
    """That of a frame of 1024 px."""
    return load_generator(state, pixels=1024)


def ports(pixels: int) -> tuple[Port, Port]:
    """A picture and a hole."""
    return Port("UINT8", (3, pixels, pixels)), Port("UINT8", (1, pixels, pixels))


DEPLOYED: dict[str, Deployed] = {
    "dsa_generator": Deployed(
        part="generator", load=load_generator, inputs=ports(256), outputs=ports(256)[:1], output_tolerance=1.0
    ),
    "dsa_generator_1024": Deployed(
        part="generator_1024",
        network="generator",
        load=load_large_generator,
        inputs=ports(1024),
        outputs=ports(1024)[:1],
        output_tolerance=1.0,
    ),
}


def complete(model: str, open_model: OpenModel) -> System:
    """A generator by itself: it needs nothing but picture and hole."""
    generator = open_model(model)
    return lambda given: Answer(raw=generator(given.image, given.hole))


def dsa(open_model: OpenModel) -> System:
    """The generator at 256 px."""
    return complete("dsa_generator", open_model)


def dsa_1024(open_model: OpenModel) -> System:
    """The generator at 1024 px."""
    return complete("dsa_generator_1024", open_model)


SYSTEMS: dict[str, BuildSystem] = {"dsa": dsa, "dsa_1024": dsa_1024}
