"""`make serve`: the whole service on tiny models, from the ready line to the end of every process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from tests.bench.stack import ROOT, Stack
from tests.contract.repositories import standin_repository
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's configurations with tiny models."""
    return standin_repository(tmp_path_factory.mktemp("start") / "model_repository")


@pytest.fixture
def stack(repository: Path) -> Iterator[Stack]:
    with Stack(repository) as running:
        yield running


def make_serve(**settings: str) -> subprocess.CompletedProcess[str]:
    """`make serve` in a start that must fail before anything slow begins."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("ENGINE_URL", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        ["make", "--no-print-directory", "serve"],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def the_one_error(done: subprocess.CompletedProcess[str]) -> str:
    """The only line of a failed start, apart from make's own."""
    assert done.returncode != 0
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def test_a_request_is_answered_and_ctrl_c_ends_all(stack: Stack) -> None:
    picture, mask = scene(), box_mask()
    files = {"image": ("a.png", png(picture)), "mask": ("b.png", png(mask))}
    answer = http.post(f"{stack.address}/inpaint", files=files, timeout=60)
    assert answer.status_code == 200, answer.text
    outside = mask == 0
    assert np.array_equal(pixels(answer.content)[outside], picture[outside])
    job = http.post(f"{stack.address}/jobs", files=files, timeout=60).json()
    job = http.get(f"{stack.address}{job['url']}?wait=60", timeout=90).json()
    assert job["state"] == "succeeded", job
    result = http.get(f"{stack.address}{job['result_url']}", timeout=60)
    assert result.content == answer.content
    family = stack.processes()
    assert len(family) >= 6
    assert stack.stop() == 0
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def test_a_stop_answers_who_waits_and_hands_the_job_back(repository: Path) -> None:
    """The engine hangs, so nothing can be finished: a picture that is its own face frame needs it."""
    files = {"image": ("a.png", png(scene())), "mask": ("b.png", png(box_mask()))}
    form: dict[str, Any] = {"files": files, "data": {"align": "none"}, "timeout": 60}
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(http.post(f"{stack.address}/inpaint", **form))

    with Stack(repository, DRAIN_SECONDS="1") as stack:
        family = stack.processes()
        next(process for process in family if process.cmdline()[1:3] == ["-m", "service.embedded"]).suspend()
        job = http.post(f"{stack.address}/jobs", **form).json()
        until(lambda: http.get(f"{stack.address}{job['url']}").json()["state"] == "running")
        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: "inpaint_http_requests_in_flight 2.0" in http.get(f"{stack.address}/metrics").text)
        family = stack.processes()
        assert stack.stop() == 0
        thread.join()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []
        with RedisServer(stack.redis_folder) as redis, redis.client() as client:
            assert client.hmget(f"inpaint:job:{job['id']}", "tries", "uncounted") == [b"1", b"1"]
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "draining")
    killed = [line for line in stack.lines if "SIGKILL" in line]
    assert len(killed) == 1
    assert "to engine" in killed[0]


@pytest.mark.parametrize("module", ["service.embedded", "service"])
def test_when_one_process_dies_all_end(stack: Stack, module: str) -> None:
    family = stack.processes()
    victims = [process for process in family if process.cmdline()[1:3] == ["-m", module]]
    assert len(victims) == 1
    victims[0].kill()
    assert stack.wait() == 1
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert any(line.startswith("error: a process ended by itself") for line in stack.lines)


def test_a_busy_port_is_one_line(repository: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        line = the_one_error(make_serve(PORT=str(port), MODEL_REPOSITORY=str(repository)))
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert "make serve PORT=" in line


def test_a_missing_model_is_one_line(repository: Path, tmp_path: Path) -> None:
    without = shutil.copytree(repository, tmp_path / "model_repository")
    (without / "lafin_generator" / "1" / "model.pt").unlink()
    line = the_one_error(make_serve(PORT="0", MODEL_REPOSITORY=str(without)))
    assert "the model lafin_generator has no weights" in line
    assert "snapshot.safetensors is missing" in line
