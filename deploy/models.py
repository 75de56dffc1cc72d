"""`python -m deploy.models`: makes the TorchScript files that are missing or out of date.

A leaf model is a folder of the model repository whose config.pbtxt says backend "pytorch":
snapshot.safetensors (the weights) -> 1/model.pt (what the engine loads), again when the weights or config.pbtxt are
newer. An ensemble only needs its folder 1/. A model that nobody has trained yet is named and left out
(service/unshipped.py). What an interrupted export has left undone is finished.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.place import CannotStart, read_place
from service.unshipped import served, unshipped

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
        elif not script.is_file() or script.stat().st_mtime < max(
            file.stat().st_mtime for file in (snapshot, folder / "config.pbtxt")
        ):
            stale.append(folder.name)
    return stale


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
