"""Make the 1/model.pt files of a model repository: python -m training.export --repository FOLDER."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from training.checkpoint import load_snapshot, write_atomically
from training.deployed import Deployed, Port
from training.errors import TrainingError, one_line
from training.papers import DEPLOYED
from training.signature import require_parameters, require_signature

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class ExportError(TrainingError):
    """A model that cannot be exported; the message says which and why."""


@app.command()
@one_line("training.export")
def main(
    repository: Annotated[Path, typer.Option(help="Model repository: one folder a model, with config.pbtxt.")],
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be repeated. Default: all.")] = None,
    run: Annotated[Path | None, typer.Option(help="First take the snapshots of this run folder.")] = None,
    force: Annotated[bool, typer.Option(help="Export again even if 1/model.pt is newer than its snapshot.")] = False,
) -> None:
    """Write TorchScript for every model whose snapshot is newer than its export."""
    torch.manual_seed(0)
    for config in repository.glob("*/config.pbtxt"):
        (config.parent / "1").mkdir(exist_ok=True)  # an ensemble needs the folder, and nothing in it
    for name in model or [name for name in DEPLOYED if (repository / name / "config.pbtxt").is_file()]:
        if name not in DEPLOYED:
            raise ExportError(f"unknown model {name!r}; there are {', '.join(DEPLOYED)}")
        folder = repository / name
        if run is not None:
            take_snapshot(run, folder, DEPLOYED[name])
        if force or is_stale(folder):
            export(folder, DEPLOYED[name])
            print(f"exported {folder / '1' / 'model.pt'}", flush=True)


def take_snapshot(run: Path, folder: Path, deployed: Deployed) -> None:
    """Copy the snapshot of a finished or running training into the model's folder."""
    source = run / deployed.part / f"{deployed.network}.safetensors"
    if not source.is_file():
        raise ExportError(f"{source} is missing; train the part {deployed.part} first")
    write_atomically(folder / "snapshot.safetensors", lambda beside: shutil.copyfile(source, beside))


def is_stale(folder: Path) -> bool:
    """Whether there is a snapshot or configuration newer than the export."""
    snapshot, exported = folder / "snapshot.safetensors", folder / "1" / "model.pt"
    if not snapshot.is_file():
        raise ExportError(f"{snapshot} is missing; train {folder.name} or convert published weights (training.convert)")
    if not exported.is_file():
        return True
    newest = max(snapshot.stat().st_mtime, (folder / "config.pbtxt").stat().st_mtime)
    return exported.stat().st_mtime < newest


def export(folder: Path, deployed: Deployed) -> None:
    """Snapshot to TorchScript: signature against config.pbtxt, eager against script, then an atomic write."""
    largest_batch = require_signature(folder, deployed)
    state, _ = load_snapshot(folder / "snapshot.safetensors")
    try:
        eager = deployed.load(state)
    except RuntimeError as error:
        reasons = "; ".join(line.strip()[:200] for line in str(error).splitlines()[1:])
        raise ExportError(f"{folder / 'snapshot.safetensors'} does not fit {folder.name}: {reasons}") from error
    require_parameters(folder, deployed.describe(state))
    with torch.inference_mode(False):
        script = torch.jit.freeze(torch.jit.script(eager))
    for batch in sorted({1, largest_batch}):
        compare(folder.name, eager, script, deployed, batch)
    write_atomically(folder / "1" / "model.pt", lambda beside: torch.jit.save(script, str(beside)))


def compare(name: str, eager: nn.Module, script: nn.Module, deployed: Deployed, batch: int) -> None:
    """Both must give the declared outputs, and the same values, on random inputs."""
    inputs = [random_tensor(port, batch) for port in deployed.inputs]
    with torch.no_grad():
        pairs = [(as_tuple(network(*inputs))) for network in (eager, script)]
    for place, port in enumerate(deployed.outputs):
        expected, found = pairs[0][place], pairs[1][place]
        for tensor in (expected, found):
            if tensor.dtype != TORCH_TYPES[port.data_type] or tuple(tensor.shape) != (batch, *port.shape):
                raise ExportError(
                    f"{name}: OUTPUT__{place} is {tensor.dtype} {list(tensor.shape)}, "
                    f"config.pbtxt promises {port.data_type} {[batch, *port.shape]}"
                )
        differences = (expected.double() - found.double()).abs()
        share = float((~(differences <= deployed.output_tolerance)).double().mean())
        if share > deployed.differing_share:
            raise ExportError(f"{name}: eager and script differ by {float(differences.max())} in OUTPUT__{place}")


def random_tensor(port: Port, batch: int) -> Tensor:
    """Plausible input: bytes of a picture, a hole in {0,1}, points of a frame."""
    shape = (batch, *port.shape)
    if port.data_type == "UINT8":
        return torch.randint(0, 2 if port.shape[0] == 1 else 256, shape, dtype=torch.uint8)
    return torch.rand(shape) * 255


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


TORCH_TYPES = {"UINT8": torch.uint8, "FP32": torch.float32, "INT64": torch.int64}

if __name__ == "__main__":
    app()
