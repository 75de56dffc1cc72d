"""Computes for the backend `pytorch` of the tests: python -m tests.contract.torch_modules NAME PID.

One process for all models of a Triton core, listening at the abstract socket NAME until the process PID, which is that
core, has ended. A connection asks first for a model.pt, loaded with torch.jit, strict as libtorch is, and is told how
many inputs it takes; then each list of arrays is answered by the list that the module gives. What fails is answered by
its exception.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection, Listener
from threading import Thread
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

Array = NDArray[np.generic]


@torch.inference_mode()
def computed(module: Any, arrays: Sequence[Array]) -> list[Array]:
    results = module(*(torch.from_numpy(array) for array in arrays))
    results = (results,) if isinstance(results, torch.Tensor) else results
    return [result.numpy() for result in results]


def serve(connection: Connection) -> None:
    """One stub, until it goes."""
    module: Any = None
    while True:
        try:
            asked = connection.recv()
        except EOFError:
            return
        try:
            if module is None:
                module = torch.jit.load(asked).eval()
                connection.send(len(module.forward.schema.arguments) - 1)
            else:
                connection.send(computed(module, asked))
        except Exception as error:
            connection.send(RuntimeError(str(error)))


def end_with(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait()
    os._exit(0)


if __name__ == "__main__":
    name, pid = sys.argv[1:]
    Thread(target=end_with, args=(int(pid),), daemon=True).start()
    with Listener(f"\0{name}", "AF_UNIX", backlog=64) as listener:
        while True:
            Thread(target=serve, args=(listener.accept(),), daemon=True).start()
