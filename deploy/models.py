"""`python -m deploy.models`: makes the TorchScript files that are missing or out of date.

A leaf model is a folder of the model repository whose config.pbtxt says backend "pytorch":
snapshot.safetensors (the weights) -> 1/model.pt (what the engine loads), again when the weights, config.pbtxt or the
network's code are others than those it was made from: 1/made_from.json has their hashes, dates say nothing. An ensemble
only needs its folder 1/. A model that nobody has trained yet is named and left out
(service/unshipped.py). What an interrupted export has left undone is finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.place import CannotStart, read_place
from service.unshipped import served, unshipped

MADE_FROM = "made_from.json"  # beside 1/model.pt
SOURCES = ("snapshot.safetensors", "config.pbtxt")
TRAINING = Path(__file__).resolve().parents[1] / "training"  # the code of the networks, a folder of papers/ for each
UNFINISHED = ".exchange.json"  # in the repository, while training.export puts its files in place


def leaf_models(repository: Path) -> list[Path]:
    """Folders of the models that have weights, by name. CannotStart if `repository` has no model at all."""
    configs = sorted(repository.glob("*/config.pbtxt"))
    if not configs:
        raise CannotStart(f"no model in {repository}: MODEL_REPOSITORY must name a folder of <model>/config.pbtxt.")
    return [config.parent for config in configs if re.search(r'\bbackend:\s*"pytorch"', config.read_text())]


def stale_models(repository: Path) -> list[str]:
    """Names of the leaf models to make. CannotStart if one has lost its weights, or none has any."""
    stale, trained = [], set(served(repository))
    folders = [folder for folder in leaf_models(repository) if folder.name in trained]
    if not folders:
        raise CannotStart(f"no model in {repository} has weights: train one (make train) or convert published ones.")
    for folder in folders:
        script, snapshot = folder / "1" / "model.pt", folder / "snapshot.safetensors"
        if not snapshot.is_file():
            if not script.is_file():
                raise CannotStart(
                    f"the model {folder.name} has no weights: {snapshot} is missing. Restore it (git checkout), "
                    f"import one (python -m training.convert --help) or train one (make train)."
                )
        elif not script.is_file() or sources_told(folder) != sources(folder):
            stale.append(folder.name)
    return stale


def sources(folder: Path) -> dict[str, str]:
    """sha256 of what a model's script is made from: its files, by name, and the network's code."""
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in SOURCES}
    return {**files, "code": code_hash(folder.name)}


def code_hash(model: str) -> str:
    """sha256 of the modules of the model's room, and of the layers that all rooms share."""
    room = TRAINING / "papers" / model.partition("_")[0]
    modules = [*sorted((TRAINING / "layers").glob("*.py")), *sorted(room.glob("*.py"))]
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def sources_told(folder: Path) -> dict[str, str] | None:
    """The same of those that it was made from, as the export wrote them down; None where nothing readable says so."""
    try:
        told: dict[str, str] = json.loads((folder / "1" / MADE_FROM).read_text())
    except (OSError, ValueError):
        return None
    return told


def make_models(repository: Path) -> None:
    """Bring `repository` up to date. CannotStart if the export fails."""
    stale = stale_models(repository)
    for name in served(repository):
        (repository / name / "1").mkdir(exist_ok=True)
    if untrained := unshipped(repository):
        print(f"Not served, for there is no snapshot of them here: {', '.join(untrained)}", flush=True)
    unfinished = (repository / UNFINISHED).is_file()
    if not stale and not unfinished:
        return
    doing = f"Making the TorchScript files of {', '.join(stale)}" if stale else "Finishing an interrupted export"
    print(f"{doing} ...", flush=True)
    chosen = [argument for name in stale for argument in ("--model", name)]
    command = [sys.executable, "-m", "training.export", "--repository", str(repository), *chosen]
    if subprocess.run(command).returncode != 0:
        raise CannotStart("the export failed; the lines above say why.")


def main() -> None:
    refuse_arguments("deploy.models", "Make the TorchScript files of the models that are missing or out of date.")
    try:
        make_models(read_place(os.environ).repository)
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
