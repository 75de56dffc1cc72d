"""LaFIn at the paper's width: the published arithmetic, float32 and the machine's own precision, in one run.

The weights are the shipped ones with every channel doubled, which paint the same picture: so the attention is as sharp
as a trained one, and leaves denormal numbers. The published arithmetic has torch's softmax and instance norm, reads the
attention map once for each value map, and has the plain layout.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.calls import Requests, Times
from tests.bench.forward import BareForward
from tests.bench.stack import ROOT, Stack

PUBLISHED, FLOAT32, AUTO = "published", "float32", "auto"
KINDS = (PUBLISHED, FLOAT32, AUTO)


@contextmanager
def repositories(shipped: Path) -> Iterator[dict[str, Path]]:
    """A model repository for each kind, with the wide generator; gone afterwards."""
    with TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "tests.bench.widening", str(shipped.resolve()), folder]
        subprocess.run(command, check=True, cwd=ROOT)
        yield {kind: Path(folder) / kind for kind in KINDS}


async def take_turns(shipped: Path, image: Path, mask: Path, rounds: int, end: float) -> dict[str, Times]:
    """Rounds of one call of each kind: forwards, and requests to services over float32 and the machine's own."""
    times = {f"forward_{kind}": Times() for kind in KINDS} | {f"inpaint_{kind}": Times() for kind in (FLOAT32, AUTO)}
    with repositories(shipped) as folders, ExitStack() as opened:
        bare = {kind: opened.enter_context(BareForward(folders[kind])) for kind in KINDS}
        stacks = {kind: opened.enter_context(Stack(folders[kind])) for kind in (FLOAT32, AUTO)}
        requests = {kind: Requests(stack.address, image, mask) for kind, stack in stacks.items()}
        for done in range(rounds + 1):
            if done > 1 and time.monotonic() > end:
                print(f"out of time after {done - 1} of {rounds} rounds of the wide generator", file=sys.stderr)
                break
            kept = times if done else {name: Times() for name in times}  # the first round warms up
            for kind, process in bare.items():
                seconds = process.run(1)
                kept[f"forward_{kind}"].add(seconds, sum(seconds))
            for kind, client in requests.items():
                await client.run(1, 1, kept[f"inpaint_{kind}"])
        for client in requests.values():
            await client.close()
    return times


def results(times: dict[str, Times]) -> dict[str, float]:
    """The quickest of each kind, and what it is of float32's."""
    quickest = {name: min(one.seconds) for name, one in times.items()}
    clean, whole = quickest[f"forward_{FLOAT32}"], quickest[f"inpaint_{FLOAT32}"]
    return {f"wide_{name}_seconds": seconds for name, seconds in quickest.items()} | {
        "wide_published_ratio": quickest[f"forward_{PUBLISHED}"] / clean,
        "wide_auto_ratio": quickest[f"forward_{AUTO}"] / clean,
        "wide_inpaint_ratio": quickest[f"inpaint_{AUTO}"] / whole,
    }


def report(numbers: dict[str, float]) -> str:
    """The numbers as lines for people."""

    def line(title: str, name: str, ratio: float) -> str:
        return f"  {title:31}{numbers[f'wide_{name}_seconds'] * 1000:10.1f} ms{ratio:7.2f}"

    return "\n".join(
        [
            "LaFIn at the paper's width, quickest of all rounds, and as a share of float32's",
            line("published arithmetic", "forward_published", numbers["wide_published_ratio"]),
            line("float32", "forward_float32", 1.0),
            line("the machine's own precision", "forward_auto", numbers["wide_auto_ratio"]),
            line("POST /inpaint, float32", "inpaint_float32", 1.0),
            line("POST /inpaint, the machine's own", "inpaint_auto", numbers["wide_inpaint_ratio"]),
        ]
    )
