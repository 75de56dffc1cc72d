"""Make the 1/model.pt files of a model repository: python -m training.export --repository FOLDER.

With --run it first takes the snapshots of a training. Everything is made and checked beside the repository's files;
only then are they replaced, all together (training/exchange.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from training.checkpoint import load_snapshot
from training.deployed import Deployed, Port
from training.errors import TrainingError, one_line
from training.exchange import Exchange, exchanged
from training.hashing import file_hash
from training.options import Version, require
from training.papers import DEPLOYED
from training.precision import PRECISIONS, best_script, script_in, write_script, written_precision
from training.program import Program
from training.signature import ensembles_of, require_parameters, require_signature
from training.taking import NEWEST, models_of_run, prepare_snapshots

MADE_FROM = "made_from.json"  # beside model.pt: by hashes, what it was made from

app = Program("training.export")


class ExportError(TrainingError):
    """A model that cannot be exported; the message says which and why."""


@app.command()
@one_line("training.export")
def main(
    repository: Annotated[Path, typer.Option(help="Model repository: one folder a model, with config.pbtxt.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only this model; may be repeated. Default: all, with --run those of its recipe."),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="First take the snapshots of this run folder.")] = None,
    inside: Annotated[
        str, typer.Option("--from", help="Of each part, with --run: best, or snapshots/000012000; default: the newest.")
    ] = NEWEST,
    force: Annotated[bool, typer.Option(help="Export again even where 1/model.pt is made from these files.")] = False,
    precision: Annotated[
        str, typer.Option(help=f"One of auto, {', '.join(PRECISIONS)}; auto = by what the processor or GPU has.")
    ] = "auto",
    version: Version = False,
) -> None:
    """Write TorchScript of every snapshot that is not exported yet; nothing unless all are good."""
    torch.manual_seed(0)
    require_known(repository, model or [])
    require(precision, ["auto", *PRECISIONS], "precision")
    if inside != NEWEST and run is None:
        raise ExportError(f"--from {inside} needs --run, the folder whose parts it lies in")
    with exchanged(repository) as exchange:
        if run is None:
            said = renew(exchange, model, precision, force=force)
        else:
            said = take(exchange, run, model, precision, inside)
        make_version_folders(repository)
    for line in said:
        print(line, flush=True)


def require_known(repository: Path, names: list[str]) -> None:
    """ExportError unless the repository is a folder and every name is one of a leaf model."""
    if not repository.is_dir():
        raise ExportError(f"there is no model repository {repository}")
    for name in names:
        if name not in DEPLOYED:
            raise ExportError(f"unknown model {name!r}; there are {', '.join(DEPLOYED)}")


def make_version_folders(repository: Path) -> None:
    """An ensemble needs the folder, and nothing in it; without it, it is not served, as untrained models are not."""
    for ensemble in trained_ensembles(repository):
        (repository / ensemble / "1").mkdir(exist_ok=True)


def trained_ensembles(repository: Path, new: Collection[str] = ()) -> dict[str, list[str]]:
    """Ensembles whose models were all trained, or are among the new ones; each with its models."""
    ensembles = ensembles_of(repository).items()
    trained = {name for name in DEPLOYED if name in new or was_trained(repository / name)}
    return {ensemble: called for ensemble, called in ensembles if set(called) <= trained}


def renew(exchange: Exchange, names: list[str] | None, precision: str, *, force: bool) -> list[str]:
    """Prepare 1/model.pt of what is stale of `names`, or of all that were ever trained; lines to print."""
    chosen = names or [name for name in DEPLOYED if was_trained(exchange.folder / name)]
    stale = [name for name in chosen if force or is_stale(exchange.folder / name, precision)]
    snapshots = {name: exchange.folder / name / "snapshot.safetensors" for name in stale}
    return prepare_scripts(exchange, snapshots, precision)


def take(exchange: Exchange, run: Path, names: list[str] | None, precision: str, inside: str = NEWEST) -> list[str]:
    """Prepare the models that a run has trained: snapshots and cards, then 1/model.pt; lines to print."""
    copies, said = prepare_snapshots(exchange, run, models_of_run(run, exchange.folder, names, inside), inside)
    around = [one for one, called in trained_ensembles(exchange.folder, copies).items() if set(called) & set(copies)]
    return [*prepare_scripts(exchange, copies, precision), *said, *how_served([*copies, *around])]


def how_served(names: list[str]) -> list[str]:
    """Lines that say what to start anew: no engine looks at the files again by itself. Ensembles stand last."""
    loads = " && ".join(f"curl -fX POST http://127.0.0.1:8000/v2/repository/models/{name}/load" for name in names)
    return [
        "An engine that runs goes on with the models before. To serve these:",
        "  make serve                 end it with Ctrl-C and start it again",
        "  make up                    run it again: it builds the images with these models, and replaces the engine",
        f"  Triton, explicit loading   {loads}",
    ]


def was_trained(folder: Path) -> bool:
    """Whether a model of the repository has weights, or a card that speaks of them."""
    speaking = (folder / "snapshot.safetensors", folder / "card.md", folder / "1" / "model.pt")
    return (folder / "config.pbtxt").is_file() and any(file.is_file() for file in speaking)


def is_stale(folder: Path, precision: str = "auto") -> bool:
    """Whether it is made from another snapshot, configuration or code, or a precision is named and it has another."""
    snapshot, exported = folder / "snapshot.safetensors", folder / "1" / "model.pt"
    if not snapshot.is_file():
        raise ExportError(f"{snapshot} is missing; train {folder.name} or convert published weights (training.convert)")
    if not exported.is_file():
        return True
    made_from = read_made_from(folder)
    return made_from != sources(folder, snapshot) or precision not in ("auto", written_precision(exported))


def sources(folder: Path, snapshot: Path) -> dict[str, str]:
    """sha256 of what a script is made from. `deploy/models.py` compares the same, without this package."""
    files = {"snapshot.safetensors": file_hash(snapshot), "config.pbtxt": file_hash(folder / "config.pbtxt")}
    return {**files, "code": code_hash(folder.name)}


def code_hash(model: str) -> str:
    """sha256 of the modules of the model's room, and of the layers that all rooms share."""
    here = Path(__file__).parent
    modules = [
        *sorted((here / "layers").glob("*.py")),
        *sorted((here / "papers" / model.partition("_")[0]).glob("*.py")),
    ]
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def read_made_from(folder: Path) -> dict[str, str] | None:
    """What the export in a model's folder says it was made from; None where nothing readable stands."""
    try:
        told: dict[str, str] = json.loads((folder / "1" / MADE_FROM).read_text())
    except (OSError, ValueError):
        return None
    return told


def export(folder: Path, deployed: Deployed, precision: str = "auto") -> None:
    """Make 1/model.pt of one model from its snapshot, checked. Raises ExportError, SignatureError, CheckpointError."""
    exchange = Exchange(folder.parent)
    snapshot = folder / "snapshot.safetensors"
    prepare_script(exchange, folder, deployed, snapshot, load_checked(folder, deployed, snapshot), precision)
    exchange.carry_out()


def prepare_scripts(exchange: Exchange, snapshots: dict[str, Path], precision: str) -> list[str]:
    """Prepare 1/model.pt of each model from its snapshot, once all of them are known to fit; lines to print."""
    folders = {name: exchange.folder / name for name in snapshots}
    loaded = {name: load_checked(folders[name], DEPLOYED[name], path) for name, path in snapshots.items()}
    return [
        f"exported {folders[name] / '1' / 'model.pt'} "
        + prepare_script(exchange, folders[name], DEPLOYED[name], snapshots[name], eager, precision)
        for name, eager in loaded.items()
    ]


def load_checked(folder: Path, deployed: Deployed, snapshot: Path) -> nn.Module:
    """The network with the weights of a snapshot, as it is served: finite, and as config.pbtxt describes it.

    Raises ExportError, SignatureError, CheckpointError.
    """
    require_signature(folder, deployed)
    state, _ = load_snapshot(snapshot)
    require_finite(snapshot, state)
    eager = load_eager(snapshot, folder.name, deployed, state)
    require_parameters(folder, deployed.describe(state))
    return eager


def prepare_script(
    exchange: Exchange, folder: Path, deployed: Deployed, snapshot: Path, eager: nn.Module, wanted: str
) -> str:
    """The network as TorchScript, beside the one in `folder`; words about its precision, `wanted` if that is near.

    With it goes what it was made from: snapshot, configuration and code.

    Raises ExportError unless both compute the same in float32.
    """
    script = script_in(eager, deployed, "float32")
    for batch in sorted({1, require_signature(folder, deployed)}):
        compare(folder.name, eager, script, deployed, batch)
    script, precision, said = best_script(eager, script, deployed, wanted)
    exchange.prepare(folder / "1" / "model.pt", lambda beside: write_script(script, precision, beside))
    told = json.dumps(sources(folder, snapshot), indent=1) + "\n"
    exchange.prepare(folder / "1" / MADE_FROM, lambda beside: beside.write_text(told))
    return said


def require_finite(snapshot: Path, state: dict[str, Tensor]) -> None:
    """ExportError that names the first tensors with a value that is no number."""
    wrong = [key for key, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if wrong:
        raise ExportError(f"{snapshot} holds values that are not finite, in {', '.join(wrong[:3])}")


def load_eager(snapshot: Path, name: str, deployed: Deployed, state: dict[str, Tensor]) -> nn.Module:
    """The network with the weights of a snapshot, as it is served. Raises ExportError when they do not fit."""
    try:
        return deployed.load(state)
    except RuntimeError as error:
        reasons = "; ".join(line.strip()[:200] for line in str(error).splitlines()[1:])
        raise ExportError(f"{snapshot} does not fit {name}: {reasons}") from error


def compare(name: str, eager: nn.Module, script: nn.Module, deployed: Deployed, batch: int) -> None:
    """Both must give the declared outputs, and the same finite values, on random inputs."""
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
        if not bool(torch.isfinite(expected).all()):
            raise ExportError(f"{name}: OUTPUT__{place} is not finite on random pictures")
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
