"""The precision in which a model is served: chosen by the processor, carried out, and compared with float32.

What is compared are drawn faces with holes, which need no data. A model that lies too far from float32 is served in
float32.
"""

from __future__ import annotations

import copy
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.arithmetic import has_bfloat16
from training.data.drawn import DrawnFaces
from training.data.holes import make_hole
from training.deployed import Deployed, Port, Served

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
HOLES = ("center", "20-40")  # of the faces that are compared
SMALLEST_DECIBELS = 42.0  # of pictures, over the frame and inside the hole
LARGEST_PIXELS = 0.25  # by which a landmark may move
SMALLEST_SHARE = 0.995  # of pixels with the same class
LARGEST_NUMBER = 0.02  # by which any other number may differ


def best_precision(gpu: bool, processor: Mapping[str, object]) -> str:
    """float16 on a GPU; bfloat16 on a CPU whose capabilities name units for it (AMX, AVX-512 BF16); else float32."""
    if gpu:
        return "float16"
    return "bfloat16" if has_bfloat16(processor) else "float32"


def best_script(
    eager: nn.Module, script: torch.jit.ScriptModule, deployed: Deployed, wanted: str
) -> tuple[torch.jit.ScriptModule, str, str]:
    """One in the precision `wanted`, or the float32 `script` if that is too far off; its precision; words about it."""
    auto = wanted == "auto"
    precision = best_precision(torch.cuda.is_available(), torch.cpu.get_capabilities()) if auto else wanted
    if precision == "float32":
        return script, "float32", "in float32"
    lowered = script_in(eager, deployed, precision)
    words = shortfall(eager, lowered, deployed, precision)
    if words:
        return script, "float32", f"in float32, for in {precision} {words}"
    return lowered, precision, f"in {precision}"


def script_in(eager: nn.Module, deployed: Deployed, precision: str) -> torch.jit.ScriptModule:
    """TorchScript of a copy whose layers compute in `precision` and channels-last.

    Batch norms keep their statistics in float32, and go into the convolutions before them.
    """
    lowered = copy.deepcopy(eager)
    move: Any = lowered.to  # torch gives this use no type
    move(memory_format=torch.channels_last)
    lower(lowered, PRECISIONS[precision], deployed.float32)
    with torch.inference_mode(False):
        script: torch.jit.ScriptModule = torch.jit.freeze(torch.jit.script(lowered))
    return script


def lower(network: nn.Module, dtype: torch.dtype, float32: Sequence[str]) -> None:
    """Cast the weights of every layer, but for batch norms and those named in `float32`, and what goes in."""
    for name, module in network.named_modules():
        if isinstance(module, Served):
            module.dtype = dtype
        if name in float32 or isinstance(module, nn.BatchNorm2d):
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.to(dtype)


def shortfall(eager: nn.Module, script: nn.Module, deployed: Deployed, precision: str) -> str:
    """Why the script is too far from the float32 network, in words; empty if it is not."""
    inputs = drawn_inputs(deployed.inputs)
    hole = next((tensor for tensor, port in zip(inputs, deployed.inputs, strict=True) if is_map(port)), None)
    device = "cuda" if precision == "float16" and torch.cuda.is_available() else "cpu"
    with torch.no_grad():
        expected = as_tuple(eager(*inputs))
        near = on_device(script, device) if isinstance(script, torch.jit.ScriptModule) else script.to(device)
        found = as_tuple(near(*(tensor.to(device) for tensor in inputs)))
    words = [
        distance(port, exact, one.cpu(), hole) if deployed.apart is None else deployed.apart(exact, one.cpu())
        for port, exact, one in zip(deployed.outputs, expected, found, strict=True)
    ]
    return " and ".join(filter(None, words))


def distance(port: Port, expected: Tensor, found: Tensor, hole: Tensor | None) -> str:
    """What is wrong with one output, [B,...]: a picture, a map of class ids, landmarks, or other numbers."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), "a network gives its output in float32"
    if is_map(port):
        share = float((expected == found).double().mean())
        return "" if share >= SMALLEST_SHARE else f"{share:.2%} of the classes stay, not {SMALLEST_SHARE:.1%}"
    if port.data_type == "UINT8":
        places = [("", torch.ones_like(expected))] + ([] if hole is None else [(" in the hole", hole)])
        figures = [(decibels(expected, found, where), words) for words, where in places]
        return " and ".join(
            f"it has {figure:.1f} dB{words}, not {SMALLEST_DECIBELS:.0f}"
            for figure, words in figures
            if figure < SMALLEST_DECIBELS
        )
    largest = LARGEST_PIXELS if port.shape[-1] == 2 else LARGEST_NUMBER
    difference = float((expected - found).abs().max())
    return "" if difference <= largest else f"its numbers move by {difference:.3g}, not {largest}"


def decibels(expected: Tensor, found: Tensor, where: Tensor) -> float:
    """PSNR of bytes [B,3,H,W] where `where` [B,1 or 3,H,W] is 1; infinite if they are equal."""
    squares = (expected.double() - found.double()).square() * where
    mean = float(squares.sum() / where.expand_as(squares).sum())
    return math.inf if mean == 0 else 10 * math.log10(255**2 / mean)


def drawn_inputs(ports: Sequence[Port]) -> list[Tensor]:
    """One tensor for each port, of as many faces as there are HOLES: pictures, holes, landmarks, else -1..1."""
    pixels = next(port.shape[-1] for port in ports if port.data_type == "UINT8")
    faces, rng = DrawnFaces(len(ports) * len(HOLES), pixels), np.random.default_rng(0)
    return [drawn_input(port, faces, place * len(HOLES), rng) for place, port in enumerate(ports)]


def drawn_input(port: Port, faces: DrawnFaces, first: int, rng: np.random.Generator) -> Tensor:
    """The tensor of a port; a second picture shows other faces than the first."""
    pixels, count = faces.size, len(HOLES)
    if is_map(port):
        holes = [make_hole(kind, rng, pixels, faces.landmarks(index)) for index, kind in enumerate(HOLES)]
        return torch.from_numpy(np.stack(holes)).unsqueeze(1)
    if port.data_type == "UINT8":
        pictures = np.stack([faces.image(first + index) for index in range(count)])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    if port.shape[-1] == 2:
        return torch.from_numpy(np.stack([faces.landmarks(index) for index in range(count)]))
    return torch.from_numpy(rng.uniform(-1, 1, (count, *port.shape)).astype(np.float32))


def write_script(script: torch.jit.ScriptModule, precision: str, path: Path) -> None:
    """TorchScript to a file, with an extra file `precision`; through Python's own, which says why a write failed."""
    with path.open("wb") as file:
        torch.jit.save(script, file, _extra_files={"precision": precision})


def written_precision(path: Path) -> str:
    """What a TorchScript file says of its precision; float32 if it says nothing."""
    with zipfile.ZipFile(path) as archive:
        found = [name for name in archive.namelist() if name.endswith("/extra/precision")]
        return archive.read(found[0]).decode() if found else "float32"


def is_map(port: Port) -> bool:
    """Whether a port is one byte per pixel: a hole, or class ids."""
    return port.data_type == "UINT8" and port.shape[0] == 1


def on_device(script: torch.jit.ScriptModule, device: str) -> torch.jit.ScriptModule:
    """The script as an engine loads it from its file."""
    file = io.BytesIO()
    torch.jit.save(script, file)
    file.seek(0)
    loaded: torch.jit.ScriptModule = torch.jit.load(file, map_location=device)
    return loaded


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
