"""Faces that cannot be read any more; as a program, under torchrun, only the second process's: ... failing OUTPUT."""

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.errors import one_line
from training.loop import train
from training.machine import Machine
from training.papers.gfc.recipe import gfc_tiny
from training.recipe import Files

PART = gfc_tiny().part("generator")
CPU = Machine(accelerator="cpu", threads=1, precision="32-true", workers=0)


class FailingFaces(DrawnFaces):
    """Faces of which so many can be read."""

    def __init__(self, good: int, error: Exception) -> None:
        super().__init__(4, 64)
        self.good, self.error = good, error

    def image(self, index: int) -> NDArray[np.uint8]:
        self.good -= 1
        if self.good < 0:
            raise self.error
        return super().image(index)


if __name__ == "__main__":
    good = 2 if os.environ["RANK"] == "1" else 100
    with one_line(f"process {os.environ['RANK']}"):
        train(PART, FailingFaces(good, DataError("0003.png is gone")), Path(sys.argv[1]), Files(), CPU)
