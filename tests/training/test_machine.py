"""What a training does to its process before it begins."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_thread_of_a_training_takes_denormals_for_zero() -> None:
    program = textwrap.dedent("""
        import torch
        from training.machine import Machine, launch
        launch(Machine(accelerator="cpu", threads=2))
        tiny = torch.full((4_000_000,), 1000, dtype=torch.int32).view(torch.float32)  # 1.4e-42: too many for one thread
        print(torch.count_nonzero((tiny * 0.5).view(torch.int32)).item())
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "0"
