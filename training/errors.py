"""What a user of the training package can do wrong, as one family of errors, and the one line that ends a program.

    TrainingError
    |-- OptionError            an option that names nothing there is, or that lacks another one
    |-- DataError              a prepared folder, or what one is made from
    |   |-- FrameError         a face that cannot be placed
    |   `-- Unusable           a picture that an import leaves out
    |-- HoleError              a kind of holes
    |-- RecipeError            a recipe or one of its parts
    |-- RunError, LockedError  a run folder that holds something else, or that another process holds
    |-- StoppedError           a training that had to stop, and saved first
    |-- CheckpointError        a checkpoint or snapshot
    |   `-- DiskFullError      one that could not be written
    |-- FeatureFileError       a frozen network from a file of the user
    |-- SignatureError         a config.pbtxt
    |-- OpeningError           a model or system of a repository
    |-- RemoteError            a running service that cannot be asked, or that refuses
    |-- ExportError            an export
    |-- PaintingError          what a system is called with from Python
    `-- ConvertError, PublishedKeysError    published weights

Each stands in the module that raises it. What is none of them, nor of the operating system, is a fault of this
package and keeps its traceback.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

INTERRUPTED_STATUS = 130  # as shells say it of a program that SIGINT ended


class TrainingError(Exception):
    """Something that the user can put right; the message names it and says what is wrong with it."""


class OptionError(TrainingError):
    """An option of a command that cannot be meant; the message says what to write instead."""


@contextmanager
def one_line(program: str) -> Iterator[None]:
    """Around a command, also as its decorator: an error of the user's ends the program with `program: what` and 1."""
    try:
        yield
    except TrainingError as error:
        end(program, str(error))
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # whoever read the output has gone: typer ends quietly
        end(program, describe(error))
    except (torch.OutOfMemoryError, MemoryError):
        end(program, "there is too little memory; fewer pictures at once need less")
    except KeyboardInterrupt:
        print(f"{program}: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED_STATUS)


def end(program: str, message: str) -> None:
    """One line to standard error and exit status 1."""
    sys.exit(f"{program}: {in_one_line(message)}")


def in_one_line(message: str) -> str:
    """However many lines it has."""
    return "; ".join(line.strip() for line in message.splitlines() if line.strip())


def describe(error: OSError) -> str:
    """What the operating system refused, and of which file."""
    file = "" if error.filename is None else f"{error.filename}: "
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{file}the disk is full"
    return f"{file}{error.strerror or error}"
