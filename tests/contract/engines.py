"""Starts either engine as a process over a model repository, and speaks to it over bare gRPC."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from tests.contract import fetch_triton
from tests.fakes.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
BACKEND = Path(__file__).parent / "backends" / "pytorch"
START_SECONDS = 120.0


@dataclass
class EngineProcess:
    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Until the engine says so itself."""
        end = time.monotonic() + START_SECONDS
        with grpc.insecure_channel(self.url) as channel:
            stub = GRPCInferenceServiceStub(channel)
            while not server_ready(stub):
                assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-3000:]}"
                assert time.monotonic() < end, f"{self.name} is not ready:\n{self.log.read_text()[-3000:]}"
                time.sleep(0.1)

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


def server_ready(stub: GRPCInferenceServiceStub) -> bool:
    try:
        return bool(stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=2).ready)
    except grpc.RpcError:
        return False


def launch(name: str, command: list[str], folder: Path, port: int, environment: Mapping[str, str]) -> EngineProcess:
    log = folder / f"{name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return EngineProcess(name, port, process, log)


def launch_embedded(repository: Path, folder: Path, port: int | None = None) -> EngineProcess:
    port = port or free_port()
    command = [sys.executable, "-m", "service.embedded", "--repository", str(repository), "--port", str(port)]
    return launch("embedded", command, folder, port, {})


def launch_triton(repository: Path, folder: Path, *arguments: str) -> EngineProcess:
    """`make test` fetches the core; without it this fails and says so. `arguments` come on top of those it needs."""
    port = free_port()
    closed = ["--disable-auto-complete-config", "--grpc-address=127.0.0.1", f"--grpc-port={port}"]
    closed += ["--allow-http=false", "--allow-metrics=false"]
    return launch_core(folder, port, f"--model-repository={repository}", *closed, *arguments)


def launch_core(folder: Path, port: int, *arguments: str) -> EngineProcess:
    """The core with these arguments and the backends of the tests. `port`: where the arguments say that gRPC is."""
    assert fetch_triton.HOME.is_dir(), "no Triton core: run python -m tests.contract.fetch_triton"
    command = [
        str(fetch_triton.SERVER),
        f"--backend-directory={backends(folder)}",
        f"--backend-config=python,shm-region-prefix-name=contract-{os.getpid()}-{port}-",
        *arguments,
    ]
    name = f"torch-modules-{os.getpid()}-{port}"
    environment = {
        "LD_LIBRARY_PATH": f"{fetch_triton.LIBRARIES}:{sysconfig.get_config_var('LIBDIR')}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "TORCH_MODULES": name,
    }
    triton = launch("triton", command, folder, port, environment)
    computing = [sys.executable, "-m", "tests.contract.torch_modules", name, str(triton.process.pid)]
    launch("torch_modules", computing, folder, port, {})
    return triton


def backends(folder: Path) -> Path:
    """Triton's own Python backend and, beside it, the backend `pytorch` of these tests."""
    home = folder / "backends"
    if not home.is_dir():
        home.mkdir()
        (home / "python").symlink_to(fetch_triton.PYTHON_BACKEND)
        shutil.copytree(BACKEND, home / "pytorch", ignore=shutil.ignore_patterns("__pycache__"))
    return home


def message(model: str, tensors: Mapping[str, Any], **fields: Any) -> Any:
    """A ModelInferRequest with raw contents. `tensors`: wire name -> array."""
    request = service_pb2.ModelInferRequest(model_name=model, **fields)
    for name, array in tensors.items():
        request.inputs.add(name=name, datatype=KSERVE_TYPES[array.dtype.name], shape=array.shape)
        request.raw_input_contents.append(array.tobytes())
    return request


KSERVE_TYPES = {"uint8": "UINT8", "int32": "INT32", "int64": "INT64", "float32": "FP32", "float64": "FP64"}
