"""Where a training runs: torchrun's processes, the arithmetic that a processor has."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.machine import Machine, best_layout, best_precision, launch, processes, shared_cores
from training.recipe import RecipeError

ROOT = Path(__file__).parents[2]
EIGHT_ON_TWO = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "8", "WORLD_SIZE": "16"}


def test_torchruns_processes_count() -> None:
    assert processes(Machine(), EIGHT_ON_TWO) == (8, 2)
    assert processes(Machine(devices=8, nodes=2), EIGHT_ON_TWO) == (8, 2)


def test_without_torchrun_the_options_count() -> None:
    assert processes(Machine(), {"WORLD_SIZE": "4"}) == ("auto", 1)
    assert processes(Machine(devices=2, nodes=3), {"SLURM_PROCID": "0"}) == (2, 3)


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (Machine(devices=4), "torchrun has started 8 processes here, --devices says 4"),
        (Machine(nodes=3), "torchrun runs on 2 machines, --nodes says 3"),
    ],
)
def test_options_that_disagree_with_torchrun_are_refused(machine: Machine, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        processes(machine, EIGHT_ON_TWO)


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": False, "avx512_bf16": True}, "bf16-mixed"),
        ({"avx512_f": True, "avx2": True}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_a_cpu_computes_in_bfloat16_where_it_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert best_precision("cpu") == precision
    assert best_precision("mps") == "32-true"


def test_what_is_asked_for_counts() -> None:
    machine = Machine(accelerator="cpu", devices=1, precision="32-true")
    with launch(machine).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    with launch(replace(machine, precision="bf16-mixed")).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_an_unknown_arithmetic_is_refused() -> None:
    with pytest.raises(RecipeError, match="unknown precision '8-bit'; there are auto, 32-true"):
        launch(Machine(accelerator="cpu", devices=1, precision="8-bit"))


def test_the_layout_is_that_of_convolutions() -> None:
    assert best_layout(torch.device("cpu")) is best_layout(torch.device("cuda")) is torch.channels_last
    assert best_layout(torch.device("mps")) is torch.contiguous_format


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


@pytest.mark.parametrize(
    ("device", "cores", "expected"), [("cpu", 1, (1, 1)), ("cpu", 2, (2, 1)), ("cpu", 9, (4, 2)), ("cuda", 2, (1, 2))]
)
def test_forwards_side_by_side_share_the_cores(device: str, cores: int, expected: tuple[int, int]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        with shared_cores(device) as workers:
            assert (workers, torch.get_num_threads()) == expected
        assert torch.get_num_threads() == cores
    finally:
        torch.set_num_threads(before)


def test_threads_use_the_memory_of_large_tensors_again() -> None:
    """Pages that each of forty tensors touches for the first time: of 100 MB there would be 25,000 every time.

    What is allocated in between may lie in the middle of the first ones' places, by chance of one or of eight of them.
    """
    program = """
        import resource, threading, torch
        from training.machine import keep_large_blocks
        keep_large_blocks()
        pages = []
        def work():
            for _ in range(40):
                before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
                torch.full((25_000_000,), 1.0)
                pages.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
        torch.set_num_threads(1)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(*pages)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert sum(int(pages) > 1000 for pages in done.stdout.split()) <= 20, done.stdout
