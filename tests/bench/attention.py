"""`python -m tests.bench.attention`: dual spatial, contextual and coherent attention on layer 14's shape, in one run.

The paper (DSA, section 4.3): 6.4, 12.9 and 31.3 ms. They take turns, and the quickest of each counts, so that other
work on the machine touches none. Peak memory is each one's own, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.bench.coherent import CoherentAttention
from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention

CHANNELS, SIDE = 128, 64  # Table 6, layer 14
HOLE = slice(16, 48)  # the largest box, 128 px of 256
ATTENTIONS: dict[str, Callable[[int], nn.Module]] = {
    "dual spatial": DualSpatialAttention,
    "contextual": ContextualAttention,
    "coherent": CoherentAttention,
}
PAPER_MILLISECONDS = {"dual spatial": 6.4, "contextual": 12.9, "coherent": 31.3}
AGAINST = "contextual"


def inputs(device: str, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Feature maps in channels-last, and the hole in their middle."""
    x = torch.randn(batch, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    missing = torch.zeros(batch, 1, SIDE, SIDE)
    missing[:, :, HOLE, HOLE] = 1
    return x.to(device, memory_format=torch.channels_last), missing.to(device)


def timed(module: nn.Module, given: tuple[Tensor, Tensor]) -> float:
    """Seconds of one forward: of the processor, which other work does not touch, or of waiting for the GPU."""
    clock = time.perf_counter if given[0].is_cuda else time.process_time
    begin = clock()
    module(*given)
    if given[0].is_cuda:
        torch.cuda.synchronize()
    return clock() - begin


@torch.no_grad()
def quickest(device: str, rounds: int, batch: int = 1) -> dict[str, float]:
    """Seconds of each, the least of `rounds` turns after one to warm up."""
    torch.manual_seed(0)
    modules = {name: make(CHANNELS).eval().to(device) for name, make in ATTENTIONS.items()}
    given = inputs(device, batch)
    times: dict[str, list[float]] = {name: [] for name in modules}
    for _ in range(rounds + 1):
        for name, module in modules.items():
            times[name].append(timed(module, given))
    return {name: min(seconds[1:]) for name, seconds in times.items()}


@torch.no_grad()
def peak_megabytes(name: str, device: str, batch: int = 1) -> float:
    """What one forward takes beyond what was there before: on a GPU by its allocator, else by the process's peak."""
    module, given = ATTENTIONS[name](CHANNELS).eval().to(device), inputs(device, batch)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        module(*given)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew, at what is held now
    before = peak_kilobytes()
    module(*given)
    return (peak_kilobytes() - before) / 1024


def peak_kilobytes() -> int:
    """The most memory that this process has held since its peak was last reset (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def peak_apart(name: str, device: str, batch: int = 1) -> float:
    """The same in a process of its own, whose allocator has kept nothing that a forward could take again."""
    command = [sys.executable, "-m", "tests.bench.attention", "--device", device, "--batch", str(batch)]
    command += ["--peak", name]
    return float(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def report(seconds: dict[str, float], megabytes: dict[str, float]) -> str:
    """The table, ratios against contextual attention."""
    lines = ["attention      ms      of contextual  peak MB  paper ms  of contextual"]
    for name, one in seconds.items():
        ratio, paper = one / seconds[AGAINST], PAPER_MILLISECONDS[name]
        paper_ratio = paper / PAPER_MILLISECONDS[AGAINST]
        lines.append(
            f"{name:13} {1000 * one:7.2f} {ratio:14.2f} {megabytes[name]:9.1f} {paper:9.1f} {paper_ratio:14.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.attention", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: both, as far as they are there")
    parser.add_argument("--rounds", type=int, default=20, help="turns (default 20)")
    parser.add_argument("--batch", type=int, default=1, help="maps at once (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="threads on a CPU (default 1)")
    parser.add_argument("--peak", choices=list(ATTENTIONS), help="print the memory of one as JSON, and end")
    options = parser.parse_args()
    if min(options.rounds, options.threads, options.batch) < 1:
        parser.error("--rounds, --threads and --batch begin at 1")
    torch.set_num_threads(options.threads)
    if options.peak:
        print(json.dumps(peak_megabytes(options.peak, options.device or "cpu", options.batch)))
        return
    devices = [options.device] if options.device else ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        print(
            f"{device}: {options.batch} x {CHANNELS} channels, {SIDE}x{SIDE}, "
            f"a hole of {HOLE.stop - HOLE.start} positions a side"
        )
        print(
            report(
                quickest(device, options.rounds, options.batch),
                {name: peak_apart(name, device, options.batch) for name in ATTENTIONS},
            )
        )


if __name__ == "__main__":
    main()
