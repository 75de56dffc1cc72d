"""A real Triton core, started with the very arguments of its image: what other containers and pods reach of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import numpy as np
import pytest

from service.deadline import Deadline
from service.embedded.server import SERVER_OPTIONS
from service.engine.client import EngineClient
from service.engine.specs import SPECS
from tests.contract.engines import ROOT, EngineProcess, launch_core
from tests.contract.standins import make_standin
from tests.fakes.http import http
from tests.fakes.ports import free_port

MODEL = "lafin_predictor"
TYPES = {"UINT8": np.uint8, "FP32": np.float32}
WITHIN, OUTSIDE = "127.0.0.1", "127.0.0.2"  # the container's own loopback, and what others see of it
AGE, SHORT_AGE = "--grpc-max-connection-age=300000 ", "--grpc-max-connection-age=1500 "
PORTS = {"grpc-port": "8001", "http-port": "8000", "metrics-port": "8002"}


@dataclass
class Running:
    process: EngineProcess
    ports: dict[str, int]


class OfTheImage(EngineProcess):
    @property
    def url(self) -> str:
        return f"{OUTSIDE}:{self.port}"


def arguments() -> list[str]:
    """CMD of the image."""
    (found,) = re.findall(r'^CMD (\["--model-repository.*\])$', (ROOT / "docker/engine.Dockerfile").read_text(), re.M)
    return list(json.loads(found))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """0.0.0.0 becomes OUTSIDE: what is not bound there is not reached. Connections end sooner, to be seen."""
    folder = tmp_path_factory.mktemp("image")
    model = folder / "models" / MODEL
    model.mkdir(parents=True)
    shutil.copy(ROOT / "model_repository" / MODEL / "config.pbtxt", model)
    make_standin(model)
    ports = {name: free_port() for name in PORTS}
    given = " ".join(arguments()).replace("=/models", f"={folder / 'models'}").replace("0.0.0.0", OUTSIDE)
    for name, port in PORTS.items():
        assert f"--{name}={port}" in given
        given = given.replace(f"--{name}={port}", f"--{name}={ports[name]}")
    assert AGE in given
    given = given.replace(AGE, SHORT_AGE)
    process = launch_core(folder, ports["grpc-port"], *given.split())
    engine = OfTheImage(**vars(process))
    try:
        engine.wait_until_ready()
        yield Running(engine, ports)
    finally:
        engine.kill()


def test_prometheus_reads_the_figure_that_triton_is_scaled_by(running: Running) -> None:
    answer = http.get(f"http://{OUTSIDE}:{running.ports['metrics-port']}/metrics", timeout=10)
    overlay = (ROOT / "deploy/kubernetes/overlays/gpu/engine.yaml").read_text()
    (metric,) = re.findall(r"metric: \{name: (nv_\w+)\}", overlay)
    assert f'{metric}{{model="{MODEL}"' in answer.text


def test_http_is_for_the_health_check_alone(running: Running) -> None:
    port = running.ports["http-port"]
    ready = http.get(f"http://{WITHIN}:{port}/v2/health/ready", timeout=10)
    assert ready.status_code == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((OUTSIDE, port), 5)


def test_connections_end_as_those_of_the_embedded_engine() -> None:
    options = dict(SERVER_OPTIONS)
    given = dict(argument.removeprefix("--").partition("=")[::2] for argument in arguments())
    assert int(given["grpc-max-connection-age"]) == options["grpc.max_connection_age_ms"]
    assert int(given["grpc-max-connection-age-grace"]) == options["grpc.max_connection_age_grace_ms"]


async def test_no_request_is_lost_when_connections_end(running: Running) -> None:
    """Clients come again, and look the name up for that: engines that were added get their share."""
    inputs = {tensor.name: np.zeros((1, *tensor.shape), TYPES[tensor.dtype]) for tensor in SPECS[MODEL].inputs}
    async with (
        grpc.aio.insecure_channel(running.process.url) as idle,
        EngineClient(running.process.url) as client,
        asyncio.timeout(60),
    ):
        await idle.channel_ready()
        ended = asyncio.create_task(idle.wait_for_state_change(grpc.ChannelConnectivity.READY))
        answered = 0
        while not ended.done() or answered < 50:
            await client.infer(MODEL, inputs, deadline=Deadline(20))
            answered += 1
            await asyncio.sleep(0.05)


def is_healthy(port: int) -> bool:
    """What HEALTHCHECK of the image says, under the proxies that Docker may hand to a container."""
    text = (ROOT / "docker/engine.Dockerfile").read_text().partition(" AS triton")[2]
    (command,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", text, re.M)
    environment = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9"}
    asked = [part.replace(f"{WITHIN}:{PORTS['http-port']}", f"{WITHIN}:{port}") for part in json.loads(command)]
    return subprocess.run(asked, env=environment, capture_output=True).returncode == 0


def test_it_is_well_until_sigterm_ends_it(running: Running) -> None:
    assert is_healthy(running.ports["http-port"])
    assert running.process.stop() == 0
    assert not is_healthy(running.ports["http-port"])
