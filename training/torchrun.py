"""PyTorch's torchrun, which leaves the options of the program behind `-m` to the program.

Up to Python 3.12, argparse takes a program's `--run` for a short form of torchrun's own `--run-path`, and stops. Two
dashes in front of the program keep them apart. This is the command `torchrun` of an environment with this package;
elsewhere it is `python -m training.torchrun`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from torch.distributed import run

MODULE_OPTIONS = ("-m", "--module")


def main() -> None:
    run.main(apart(sys.argv[1:]))


def apart(arguments: Sequence[str]) -> list[str]:
    """The arguments with two dashes between the first `-m` and the name of a module."""
    for place, argument in enumerate(arguments[:-1], start=1):
        if argument in MODULE_OPTIONS and not arguments[place].startswith("-"):
            return [*arguments[:place], "--", *arguments[place:]]
    return list(arguments)


if __name__ == "__main__":
    main()
