"""`python -m tests.bench.finding`: how long finding takes on a picture of 25 megapixels after decoding, on one core.

The shipped finder with everything around it, with a hole and without, and OpenCV's cascade on the picture scaled to the
same frame, take turns in one run; the quickest of each counts. Time is of the processor, which other work on the
machine does not touch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from service.completion.finding import LEAST_SCORE, LEAST_SCORE_UNSEEN, MOST_AT_ONCE, frames_of, looks_at
from service.imaging.arrays import Hole, Rgb
from service.imaging.looks import boxes, distinct
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


def find(finder: torch.nn.Module, rgb: Rgb, missing: Hole) -> int:
    """What `Finder.find` does, the engine in this process; the number of faces."""
    looks, faces = looks_at(rgb, missing), []
    for first in range(0, len(looks), MOST_AT_ONCE):
        some = looks[first : first + MOST_AT_ONCE]
        tensors = [torch.from_numpy(tensor) for tensor in frames_of(some).values()]
        answers = finder(*tensors).float().numpy()
        for looked, found in zip(some, answers, strict=True):
            faces += boxes(looked, found, LEAST_SCORE, LEAST_SCORE_UNSEEN)
    return len(distinct(faces))


def ways(models: Path) -> dict[str, Callable[[], int]]:
    """What is timed, and how many faces each finds."""
    rgb, missing, nothing = picture(), hole(), np.zeros((HEIGHT, WIDTH), np.uint8)
    exported, cascades = Repository(models, {}, exported=True).open("finder"), cascade()
    return {
        "finder, a hole": lambda: find(exported, rgb, missing),
        "finder, no hole": lambda: find(exported, rgb, nothing),
        "cascade at 640 px, no hole": lambda: len(cascades(*framed(rgb)[:2])),
    }


@torch.inference_mode()
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
