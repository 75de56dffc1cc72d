"""The bare forward, in a process of its own: the predictor, then the generator, on one picture, with torch's defaults.

`python -m tests.bench.forward REPOSITORY` answers every line "N" on stdin with one JSON line: N durations in seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARM_UP_CALLS = 5


def frame(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture [1,3,256,256] and a hole [1,1,256,256] in the middle of it."""
    image = np.random.default_rng(seed).integers(0, 256, (1, 3, 256, 256), dtype=np.uint8)
    hole = np.zeros((1, 1, 256, 256), dtype=np.uint8)
    hole[:, :, 64:192, 64:192] = 1
    return image, hole


class BareForward:
    """The process, seen from outside."""

    def __init__(self, repository: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.forward", str(repository)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run(WARM_UP_CALLS)

    def run(self, calls: int) -> list[float]:
        """Seconds of each of `calls` forwards, one after another."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(calls, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bare forward failed; the lines above say why")
        seconds: list[float] = json.loads(line)
        return seconds

    def __enter__(self) -> BareForward:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def only(outputs: Any) -> Any:
    """A module's one output; a traced module may wrap it in a tuple."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def main(repository: Path) -> None:
    import torch  # only this process needs it

    predictor, generator = (
        torch.jit.load(str(repository / name / "1" / "model.pt")).eval()
        for name in ("lafin_predictor", "lafin_generator")
    )
    image, hole = (torch.from_numpy(array) for array in frame())
    with torch.inference_mode():
        for line in sys.stdin:
            seconds = []
            for _ in range(int(line)):
                begin = time.perf_counter()
                landmarks = only(predictor(image, hole))
                only(generator(image, hole, landmarks)).numpy()
                seconds.append(time.perf_counter() - begin)
            print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
