"""`python -m tests.bench.finding`: how long finding takes on a picture of 25 megapixels after decoding, on one core.

The shipped finder with everything around it, with a hole and without, and OpenCV's cascade on the picture scaled to the
same frame, take turns in one run; the quickest of each counts. Time is of the processor, which other work on the
machine does not touch.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from service.completion.finding import Finder
from service.deadline import Deadline
from service.engine import Arrays
from service.imaging.arrays import Hole, Rgb
from service.threads import ImagingThreads
from training.papers.finder.cascade import cascade
from training.papers.finder.measuring import framed
from training.systems import Repository

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "service" / "web" / "samples" / "astronaut.jpg"
WIDTH, HEIGHT = 5760, 4340  # 25 megapixels


def picture() -> Rgb:
    """The sample portrait, enlarged and cut to 25 megapixels."""
    sample = cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(cv2.resize(sample, (WIDTH, WIDTH))[:HEIGHT], np.uint8)


def hole() -> Hole:
    """Over the face's lower half."""
    made = np.zeros((HEIGHT, WIDTH), np.uint8)
    made[1300:1900, 2200:3000] = 1
    return made


class Here:
    """An engine of one model, in this process."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        with torch.inference_mode():
            faces = self._model(*(torch.from_numpy(tensor) for tensor in inputs.values()))
        return {"faces": faces.float().numpy()}


def find(finder: Finder, rgb: Rgb, missing: Hole) -> int:
    """The number of faces."""
    return len(asyncio.run(finder.find(rgb, missing, Deadline(60))))


def ways(models: Path) -> dict[str, Callable[[], int]]:
    """What is timed, and how many faces each finds."""
    rgb, missing, nothing = picture(), hole(), np.zeros((HEIGHT, WIDTH), np.uint8)
    finder = Finder(Here(Repository(models, {}, exported=True).open("finder")), ImagingThreads(1))
    cascades = cascade()
    return {
        "finder, a hole": lambda: find(finder, rgb, missing),
        "finder, no hole": lambda: find(finder, rgb, nothing),
        "cascade at 640 px, no hole": lambda: len(cascades(*framed(rgb)[:2])),
    }


def quickest(timed: dict[str, Callable[[], int]], rounds: int) -> dict[str, tuple[float, int]]:
    """Seconds of each, the least of `rounds` turns after one to warm up, and the faces it found."""
    times: dict[str, list[float]] = {name: [] for name in timed}
    faces: dict[str, int] = {}
    for _ in range(rounds + 1):
        for name, run in timed.items():
            begin = time.process_time()
            faces[name] = run()
            times[name].append(time.process_time() - begin)
    return {name: (min(seconds[1:]), faces[name]) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, default=ROOT / "model_repository", help="exported by `make models`")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for name, (seconds, faces) in quickest(ways(options.models), options.rounds).items():
        print(f"{name}: {1000 * seconds:.0f} ms, {faces} faces")


if __name__ == "__main__":
    main()
