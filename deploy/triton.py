"""`python -m deploy.triton`: the arguments with which a Triton serves the models that have weights.

Triton refuses to start over a folder in which one model cannot be loaded, so the others are named:
tritonserver --model-repository=model_repository $(python -m deploy.triton)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.models import stale_models
from deploy.place import CannotStart, read_place
from service.unshipped import served


def loading_arguments(repository: Path) -> list[str]:
    """What names the models to load. CannotStart unless all that have weights are made."""
    if stale := stale_models(repository):
        raise CannotStart(f"make these models first (python -m deploy.models): {', '.join(stale)}.")
    return ["--model-control-mode=explicit", *(f"--load-model={name}" for name in served(repository))]


def main() -> None:
    refuse_arguments("deploy.triton", "Print the arguments that name the models which a Triton is to load.")
    try:
        print(*loading_arguments(read_place(os.environ).repository))
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
