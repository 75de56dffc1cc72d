"""How much slower an attention map with denormal weights is read than a clean one: a ratio, taken in one run.

`python -m tests.bench.denormals` prints it as JSON for torch's softmax and for this project's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from training.layers.denormals import softmax

VALUES = 64
STEEPNESS = 200.0  # weights fall to exp(-200): about one of fourteen is denormal


def sharp_energy(positions: int) -> Tensor:
    """Energies [1,P,P] of a sharp attention map; each row has one position at 0 and the others down to -200."""
    generator = torch.Generator().manual_seed(0)
    energy = -STEEPNESS * torch.rand(1, positions, positions, generator=generator)
    return energy.scatter(2, torch.zeros(1, positions, 1, dtype=torch.int64), 0.0)


def slowdown(weigh: Callable[[Tensor], Tensor], positions: int = 2048, rounds: int = 7) -> float:
    """Time of reading values with `weigh`'s map of sharp energies over that with a clean map.

    The two take turns, and the quickest of each counts, so that other work on the machine touches neither.
    """
    values = torch.randn(1, positions, VALUES, generator=torch.Generator().manual_seed(1))
    maps = (weigh(sharp_energy(positions)), torch.softmax(sharp_energy(positions) / STEEPNESS, dim=-1))
    quickest = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, weights in enumerate(maps):
            begin = time.perf_counter()
            weights @ values
            quickest[place] = min(quickest[place], time.perf_counter() - begin)
    return quickest[0] / quickest[1]


def measured() -> dict[str, float]:
    """Both ratios, from a process of its own."""
    done = subprocess.run([sys.executable, "-m", "tests.bench.denormals"], check=True, stdout=subprocess.PIPE)
    ratios: dict[str, float] = json.loads(done.stdout)
    return ratios


def main() -> None:
    print(
        json.dumps(
            {
                "denormals_torch_ratio": slowdown(lambda energy: torch.softmax(energy, dim=-1)),
                "denormals_ratio": slowdown(softmax),
            }
        )
    )


if __name__ == "__main__":
    main()
