"""A lock file that ends with its process: of two that want the same folder, the second is told who has it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from training.errors import TrainingError

WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # what file systems answer that have none
TAKEN = {errno.EACCES, errno.EAGAIN}


class LockedError(TrainingError):
    """Another process works in the same folder; the message says which."""


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the file `path`, which names this process meanwhile and is removed afterwards.

    However the process ends, the operating system lets the lock go; a file that is left behind locks nobody out.
    Raises LockedError while another process holds it, unless told to `wait`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = hold(path, wait=wait)
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def hold(path: Path, *, wait: bool) -> TextIO:
    """The open and locked file; opened anew if its last holder removed it in between."""
    while True:
        file = path.open("a+")
        if not try_to_lock(file, path):
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not wait:
                file.close()
                raise LockedError(f"{path.parent} is in use by {holder}; wait until it ends, or stop it")
            print(f"waiting for {holder}, which works in {path.parent}", flush=True)
            fcntl.lockf(file, fcntl.LOCK_EX)
        if is_in_place(file, path):
            return file
        file.close()


def try_to_lock(file: TextIO, path: Path) -> bool:
    """Whether the file is ours now; also where its file system knows no locks, which is said."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        if error.errno not in WITHOUT_LOCKS:
            raise
        print(f"{path.parent} is on a file system without locks: nobody notices a second process in it")
    return True


def is_in_place(file: TextIO, path: Path) -> bool:
    """Whether `path` still names the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
