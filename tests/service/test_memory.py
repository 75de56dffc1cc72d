from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
import psutil
from service.memory import return_freed_memory

if sys.argv[1] == "told":
    assert return_freed_memory()
first = np.ones(30_000_000, np.uint8)
del first  # from here on glibc would take such arrays from its heap
large = [np.ones(20_000_000, np.uint8) for _ in range(10)]
small = [bytearray(50_000) for _ in range(10)]
del large
print(psutil.Process().memory_info().rss)
"""


def resident_bytes(how: str) -> int:
    """What a process keeps after it has freed 200 MB."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def test_freed_memory_goes_back_to_the_system() -> None:
    assert resident_bytes("untold") - resident_bytes("told") > 150_000_000
