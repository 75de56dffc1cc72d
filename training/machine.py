"""Where a training runs: which processes, with which arithmetic and layout of memory."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException

from training.arithmetic import has_bfloat16
from training.data.cores import sensible_workers
from training.recipe import RecipeError

# Names of the arithmetic, as Lightning Fabric calls them: weights are float32 in each.
PRECISIONS = {"32-true": "float32", "bf16-mixed": "bfloat16", "16-mixed": "float16"}
LAUNCHERS = {"SLURM_PROCID", "MASTER_ADDR"}  # one of these is set where several machines know of one another
# glibc's mallopt: blocks of this size and less are kept and used again, not given back to the system each time. Only
# the first arena can keep large ones, so threads share it.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_BYTES = 1 << 30
MOST_SIDE_BY_SIDE = 4  # batches that are measured at once


@dataclass(frozen=True)
class Machine:
    """Where a training runs."""

    accelerator: str = "auto"  # Lightning Fabric's names: auto, cpu, cuda, mps
    devices: int | str = "auto"  # processes on this machine; auto = torchrun's, else all GPUs or one process
    nodes: int = 1  # machines; torchrun starts the processes
    workers: int | None = None  # loader processes of each training process; 0 = it loads by itself, None = by the cores
    precision: str = "auto"  # a name of PRECISIONS; auto = by what the processor or GPU has
    threads: int | None = None  # CPU threads of each process; None = torch's choice
    accumulate: int = 1  # micro-batches of each batch, one after another, where memory is short


def launch(machine: Machine) -> Fabric:
    """Start the processes, or join those that torchrun has started; the arithmetic is chosen. Raises RecipeError."""
    torch.set_flush_denormal(True)  # before OpenMP starts threads, which inherit it (training/layers/denormals.py)
    if machine.threads:
        torch.set_num_threads(machine.threads)
    keep_large_blocks()
    devices, nodes = processes(machine, os.environ)
    accelerator = machine.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    precision: Any = best_precision(accelerator) if machine.precision == "auto" else machine.precision
    if precision not in PRECISIONS:
        raise RecipeError(f"unknown precision {precision!r}; there are auto, {', '.join(PRECISIONS)}")
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    except (MisconfigurationException, ValueError) as error:  # so Fabric says what this machine has not
        reason = " ".join(str(error).split())
        raise RecipeError(f"{devices} processes on {accelerator} cannot be started here: {reason}") from error
    fabric.launch()
    return fabric


def processes(machine: Machine, environment: Mapping[str, str]) -> tuple[int | str, int]:
    """Processes on this machine, and machines. What torchrun has started counts; RecipeError where options disagree."""
    if "TORCHELASTIC_RUN_ID" not in environment:
        if machine.nodes > 1 and not LAUNCHERS & set(environment):
            raise RecipeError(f"--nodes {machine.nodes}: start with torchrun on each machine, which says it by itself")
        return machine.devices, machine.nodes
    started = int(environment["LOCAL_WORLD_SIZE"])
    nodes = int(environment["WORLD_SIZE"]) // started
    if machine.devices not in ("auto", started):
        raise RecipeError(f"torchrun has started {started} processes here, --devices says {machine.devices}")
    if machine.nodes not in (1, nodes):
        raise RecipeError(f"torchrun runs on {nodes} machines, --nodes says {machine.nodes}")
    return started, nodes


def loaders(fabric: Fabric, machine: Machine) -> int:
    """Loader processes of each training process."""
    if machine.workers is not None:
        return machine.workers
    _, nodes = processes(machine, os.environ)
    return sensible_workers(fabric.device.type, fabric.world_size // nodes)


def best_precision(accelerator: str) -> str:
    """bfloat16 where the processor or GPU has units for it, else float32."""
    if accelerator == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    found = torch.cpu.get_capabilities() if accelerator == "cpu" else {}
    return "bf16-mixed" if has_bfloat16(found) else "32-true"


def best_layout(device: torch.device) -> torch.memory_format:
    """Channels last: convolutions of CPUs and CUDA compute so without copies."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def describe(fabric: Fabric, machine: Machine) -> str:
    """The arithmetic, layout and processes in one line."""
    precision = machine.precision if machine.precision != "auto" else best_precision(fabric.device.type)
    layout = "channels last" if best_layout(fabric.device) is torch.channels_last else "plain layout"
    count = f"{fabric.world_size} process" + ("es" if fabric.world_size > 1 else "")
    cores = torch.get_num_threads()
    threads = f" with {cores} thread{'s' * (cores > 1)}" if fabric.device.type == "cpu" else ""
    return f"{PRECISIONS[precision]}, {layout}, {count} on {fabric.device.type}{threads}"


def keep_large_blocks() -> None:
    """Tell glibc to keep the memory of large tensors: to give it back and get it zeroed again costs a sixth of a step.

    Where the C library has no mallopt (macOS, musl), nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
    mallopt(M_ARENA_MAX, 1)


@contextmanager
def shared_cores(device: str) -> Iterator[int]:
    """How many forwards on this device go best side by side, each in a thread with its share of torch's cores.

    Two with one core each do more than one after another with both. More than MOST_SIDE_BY_SIDE would only need memory.
    """
    cores = torch.get_num_threads()
    workers = min(cores, MOST_SIDE_BY_SIDE) if device == "cpu" else 1
    torch.set_num_threads(cores // workers)  # threads that begin in the block take it over
    try:
        yield workers
    finally:
        torch.set_num_threads(cores)
