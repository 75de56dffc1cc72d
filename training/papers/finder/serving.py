"""What is deployed of the finder: picture and hole in, a list of faces out, maps and second look in one graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from training.checkpoint import CheckpointError, load_snapshot
from training.deployed import Deployed, Port, Served
from training.papers.finder.finding import MOST_FACES, NUMBERS, Peaks
from training.papers.finder.networks import STAGES, Finder
from training.papers.finder.verifier import VerifiedFinder, Verifier

FRAME_PIXELS = 640
SURE = 0.3  # score from which a face has to be found in every precision ...
LARGEST_MOVE, LARGEST_SCORE = 0.06, 0.08  # ... its points this far, in its sizes, and its score


MAPS = "finder."  # the keys of the maps' network in a snapshot of a finder with a second look


class ServedFinder(Served):
    """image UINT8 [B,3,640,640], hole UINT8 [B,1,640,640] -> faces FP32 [B,64,16].

    Of each face, best first: score in [0,1] (0: none), centre x and y, size, sine and cosine of the roll, and five
    points (x, y), all in pixels of the frame. What is under the hole changes nothing.
    """

    def __init__(self, finder: VerifiedFinder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        faces: Tensor = self.finder(image.float() / 255, hole.float())
        return faces


class ServedMaps(Served):
    """The same without the second look: what the maps say."""

    def __init__(self, finder: Finder) -> None:
        super().__init__()
        self.finder = finder
        self.peaks = Peaks()

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        faces: Tensor = self.peaks(self.finder((image.float() / 255).to(self.dtype), hole.to(self.dtype)))
        return faces


def load_finder(state: dict[str, Tensor]) -> Served:
    """The finder of a snapshot as it is served; of the part `finder` alone, what its maps say.

    Raises RuntimeError that names the keys when they do not fit.
    """
    if not has_second_look(state):
        finder = Finder(*shape_of(state))
        finder.load_state_dict(state)
        return ServedMaps(finder).eval()
    return ServedFinder(load_verified(state)).eval()


def load_verified(state: Mapping[str, Tensor]) -> VerifiedFinder:
    """Both networks of a snapshot. Raises RuntimeError that names the keys when they do not fit."""
    widths = state.get("verifier.narrow.weight"), state.get("verifier.hidden.weight")
    if widths[0] is None or widths[1] is None:
        raise RuntimeError("no finder with a second look:\nverifier.narrow.weight or verifier.hidden.weight is missing")
    verifier = Verifier(widths[0].shape[0], widths[1].shape[0])
    verified = VerifiedFinder(Finder(*shape_of(maps_of(state))), verifier)
    verified.load_state_dict(dict(state))
    return verified


def open_maps(path: Path) -> Finder:
    """The maps' network of a snapshot, with or without a second look. CheckpointError that names the file."""
    state = maps_of(load_snapshot(path)[0])
    try:
        finder = Finder(*shape_of(state))
        finder.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is no snapshot of a finder: {error}") from error
    return finder


def has_second_look(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith(MAPS) for key in state)


def maps_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The maps' network of a snapshot of either kind."""
    if not has_second_look(state):
        return dict(state)
    return {key.removeprefix(MAPS): tensor for key, tensor in state.items() if key.startswith(MAPS)}


def shape_of(state: dict[str, Tensor]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and depths, as the weights say them."""
    strided = ["stem.0.weight", "stem.3.weight", *(f"downs.{stage}.0.weight" for stage in range(STAGES))]
    missing = [key for key in strided if key not in state]
    if missing:
        raise RuntimeError(f"no finder:\n{missing[0]} is missing")
    depths = [len({key.split(".")[2] for key in state if key.startswith(f"downs.{s}.")}) - 2 for s in range(STAGES)]
    return tuple(state[key].shape[0] for key in strided), tuple(depths)


def apart(expected: Tensor, found: Tensor) -> str:
    """Why two lists [B,64,16] do not name the same faces, in words; empty if they do."""
    sure = expected[..., 0] >= SURE
    if not bool(sure.any()):
        return "there is no face to compare"
    between = torch.linalg.vector_norm(expected[:, :, None, 1:3] - found[:, None, :, 1:3], dim=-1)
    nearest = between.argmin(dim=2)
    there = found.gather(1, nearest[..., None].expand(-1, -1, found.shape[2]))
    size = expected[..., 3:4]
    moved = ((there[..., 6:] - expected[..., 6:]).abs() / size.clamp(min=1))[sure].max()
    score = (there[..., 0] - expected[..., 0])[sure].abs().max()
    if float(moved) > LARGEST_MOVE or float(score) > LARGEST_SCORE:
        return f"points move by {float(moved):.3g} of a face's size, scores by {float(score):.3g}"
    return ""


DEPLOYED: dict[str, Deployed] = {
    "finder": Deployed(
        part="verifier",
        load=load_finder,
        inputs=(Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS)), Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS))),
        outputs=(Port("FP32", (MOST_FACES, NUMBERS)),),
        output_tolerance=0.05,
        differing_share=0.02,
        apart=apart,
    ),
}
