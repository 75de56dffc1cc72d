"""What is deployed of ShowFace: bytes in, bytes out, normalisation inside. And the system that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from training.checkpoint import CheckpointError, load_snapshot
from training.deployed import Deployed, Port, Served, in_bytes
from training.given import Answer, BuildSystem, Given, OpenModel, System
from training.masking import complete
from training.papers.showface.networks import (
    FRAME_PIXELS,
    FULL,
    WITHOUT_BOTH,
    WITHOUT_MINING,
    Coarse,
    Reconstruction,
    Refiner,
)
from training.papers.showface.regions import parsing_at
from training.seen import enlarged, hole_at, known_at, pixels_in, seen_at, without_pixels


class ServedCoarse(Served):
    """image UINT8 [B,3,256,256], hole UINT8 [B,1,256,256] in {0,1} -> coarse face UINT8 [B,3,256,256].

    The coarse face is the picture itself outside the hole, as parser and refiner are to see it. `pixels`: the side
    that the network paints at; 0 = 256.
    """

    def __init__(self, coarse: Coarse, pixels: int = 0) -> None:
        super().__init__()
        self.coarse = coarse
        self.pixels = pixels

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        known, missing = known_at(image.float() / 255, hole.float(), self.pixels)
        raw = self.coarse(known.to(self.dtype), missing.to(self.dtype))
        return complete(in_bytes(enlarged(raw.float(), image.shape[2])), image, hole)


class ServedRefiner(Served):
    """coarse face UINT8 [B,3,256,256], hole UINT8 [B,1,256,256], parsing map UINT8 [B,1,256,256] -> raw UINT8.

    raw [B,3,256,256]. The parsing map is that of the coarse face, class ids of ShowFace's fourteen. `pixels`: the side
    that the network sees all three at, and paints at; 0 = 256.
    """

    def __init__(self, refiner: Refiner, pixels: int = 0) -> None:
        super().__init__()
        self.refiner = refiner
        self.pixels = pixels

    def forward(self, coarse: Tensor, hole: Tensor, parsing: Tensor) -> Tensor:
        face = seen_at(coarse.float() / 255, self.pixels).to(self.dtype)
        missing = hole_at(hole.float(), self.pixels).to(self.dtype)
        raw = self.refiner(face, missing, parsing_at(parsing[:, 0].long(), self.pixels))
        return in_bytes(enlarged(raw.float(), coarse.shape[2]))


class FrozenCoarse(nn.Module):
    """image [B,3,F,F] in [0,1], hole [B,1,F,F] -> raw [B,3,F,F]: the coarse network as the refiner's training asks it.

    In frames larger than the side that it learned on, `pixels`, it paints as it is served; others it sees as they come.
    """

    def __init__(self, coarse: Coarse, pixels: int = 0) -> None:
        super().__init__()
        self.coarse = coarse
        self.pixels = pixels

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        side = image.shape[2]
        raw: Tensor = self.coarse(*known_at(image, hole, self.pixels if self.pixels < side else 0))
        return enlarged(raw, side)


def build_coarse(state: Mapping[str, Tensor]) -> Coarse:
    """The coarse network of a snapshot; its width and levels follow from the weights. RuntimeError if it is none."""
    state = without_pixels(state)
    first = state.get("down.0.convolution.weight")
    levels = len({key for key in state if key.startswith("down.") and key.endswith(".weight")})
    coarse = Coarse() if first is None else Coarse(first.shape[0], levels)
    coarse.load_state_dict(state)
    return coarse


def build_refiner(state: Mapping[str, Tensor]) -> Refiner:
    """The refiner of a snapshot; everything but the kind follows from the weights. RuntimeError if it is none."""
    state = without_pixels(state)
    bank, first = state.get("memory.bank"), state.get("style.layers.0.weight")
    hidden = state.get("refinement.middle.norm1.shared.weight")
    if bank is None or first is None or hidden is None:
        raise RuntimeError("no refiner:\nmemory.bank, style.layers.0.weight or refinement.middle is missing")
    blocks = len({key.split(".")[2] for key in state if key.startswith("refinement.deep.")})
    disentangled = bank.shape[0] > 1
    written = bool(state["memory.filled"].any()) if "memory.filled" in state else True
    kind = FULL if "mining.query.weight" in state else WITHOUT_MINING if written else WITHOUT_BOTH
    refiner = Refiner(
        first.shape[0],
        bank.shape[2],
        hidden.shape[0],
        blocks,
        slots=bank.shape[1],
        disentangled=disentangled,
        kind=kind,
    )
    refiner.load_state_dict(state)
    return refiner


def load_coarse(state: dict[str, Tensor]) -> ServedCoarse:
    """The coarse network of a snapshot as it is served; the side that it paints at is an entry (`training/seen.py`)."""
    return ServedCoarse(build_coarse(state), pixels_in(state)).eval()


def load_refiner(state: dict[str, Tensor]) -> ServedRefiner:
    """The refiner of a snapshot, with its memory, as it is served; the side that it paints at is an entry."""
    return ServedRefiner(build_refiner(state), pixels_in(state)).eval()


def open_coarse(path: Path) -> FrozenCoarse:
    """The frozen coarse network of a snapshot. Raises CheckpointError that names the file."""
    state, _ = load_snapshot(path)
    try:
        return FrozenCoarse(build_coarse(state), pixels_in(state)).eval().requires_grad_(False)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is no snapshot of a coarse network: {error}") from error


def open_inco2(path: Path) -> Reconstruction:
    """The frozen network of the InCo2 loss. Raises CheckpointError that names the file."""
    state, _ = load_snapshot(path)
    first = state.get("encoder.0.weight")
    try:
        network = Reconstruction() if first is None else Reconstruction(first.shape[0])
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is no snapshot of an InCo2 network: {error}") from error
    return network.eval().requires_grad_(False)


IMAGE = Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS))
MAP = Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS))

DEPLOYED: dict[str, Deployed] = {
    "showface_coarse": Deployed(
        part="coarse", load=load_coarse, inputs=(IMAGE, MAP), outputs=(IMAGE,), output_tolerance=1.0
    ),
    "showface_refiner": Deployed(
        part="refiner", load=load_refiner, inputs=(IMAGE, MAP, MAP), outputs=(IMAGE,), output_tolerance=1.0
    ),
}


def showface(open_model: OpenModel) -> System:
    """Coarse face, its parsing map, refined."""
    coarse, parser, refiner = (open_model(name) for name in ("showface_coarse", "parser", "showface_refiner"))

    def run(given: Given) -> Answer:
        face = coarse(given.image, given.hole)
        parsing = parser(face)
        return Answer(raw=refiner(face, given.hole, parsing), coarse=face, parsing=parsing)

    return run


def showface_coarse(open_model: OpenModel) -> System:
    """The coarse network alone."""
    coarse = open_model("showface_coarse")
    return lambda given: Answer(raw=coarse(given.image, given.hole))


SYSTEMS: dict[str, BuildSystem] = {"showface": showface, "showface_coarse": showface_coarse}
