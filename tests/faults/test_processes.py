"""The real processes, with one of them gone or its disk full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.contract.engines import ROOT, EngineProcess, launch_embedded
from tests.contract.repositories import standin_repository
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.waiting import until
from tests.service.api.conftest import form_files, framed

SMALL = framed(form_files(png(scene()), png(box_mask())))
DOCUMENTED = {200, 429, 502, 503, 504}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's configurations with tiny models."""
    return standin_repository(tmp_path_factory.mktemp("faults") / "model_repository")


@pytest.fixture
def engine(repository: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    started = launch_embedded(repository, tmp_path)
    started.wait_until_ready()
    yield started
    if started.process.poll() is None:
        started.kill()


def launch_api(
    folder: Path, engine: EngineProcess, before: Callable[[], None] | None = None, **settings: str
) -> tuple[subprocess.Popen[str], str]:
    """`python -m service`, once it answers: the process and its address."""
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ENGINE_URL": engine.url, "PORT": "0", **settings}
    command = [sys.executable, "-m", "service"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=before,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "answers on" in line
    return process, line.split()[4]


def post(url: str, files: dict = SMALL) -> httpx.Response:
    return http.post(f"{url}/inpaint", files=files, timeout=60)


def test_an_engine_that_is_killed_and_comes_back(engine: EngineProcess, repository: Path, tmp_path: Path) -> None:
    process, url = launch_api(tmp_path, engine, READINESS_CACHE_SECONDS="0.2")
    counts: Counter[int] = Counter()
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            counts[post(url).status_code] += 1

    threads = [threading.Thread(target=client) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: counts[200] >= 4)
        engine.kill()
        until(lambda: counts[503] >= 4)
        until(lambda: http.get(f"{url}/readyz").status_code == 503)
        back = launch_embedded(repository, tmp_path, engine.port)
        try:
            back.wait_until_ready()
            until(lambda: http.get(f"{url}/readyz").status_code == 200)
            before = counts[200]
            until(lambda: counts[200] >= before + 4)
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
            back.kill()
    finally:
        stop.set()
        process.terminate()
        process.wait(30)
    assert set(counts) <= DOCUMENTED, counts
    assert not any(thread.is_alive() for thread in threads)
    assert process.returncode == 0


def test_a_stop_ends_within_its_bound_though_the_engine_hangs(engine: EngineProcess, tmp_path: Path) -> None:
    process, url = launch_api(tmp_path, engine, DRAIN_SECONDS="2", REQUEST_DEADLINE_SECONDS="60")
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(post(url)))
    try:
        assert post(url).status_code == 200
        engine.process.send_signal(signal.SIGSTOP)
        thread.start()
        until(lambda: "inpaint_http_requests_in_flight 2.0" in http.get(f"{url}/metrics").text)
        process.terminate()
        thread.join(50)
        process.wait(50)
    finally:
        process.kill()
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "draining")
    assert process.returncode == 0


def test_an_engine_that_hangs_is_504_at_the_deadline(engine: EngineProcess, tmp_path: Path) -> None:
    process, url = launch_api(tmp_path, engine, REQUEST_DEADLINE_SECONDS="2")
    try:
        engine.process.send_signal(signal.SIGSTOP)
        assert post(url).status_code == 504
        engine.process.send_signal(signal.SIGCONT)
        until(lambda: post(url).status_code == 200)
    finally:
        process.terminate()
        process.wait(30)


def test_a_full_disk_is_503_and_passes(engine: EngineProcess, tmp_path: Path) -> None:
    """No file of this process may grow beyond a megabyte and a half: a part of two megabytes finds no room."""

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))

    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    large = form_files(png(noise), png(box_mask(1000, 1000)))
    process, url = launch_api(tmp_path, engine, small_disk)
    try:
        for _ in range(3):
            response = post(url, large)
            assert (response.status_code, response.json()["code"]) == (503, "storage_full")
            assert int(response.headers["retry-after"]) >= 1
        assert post(url).status_code == 200
        assert http.get(f"{url}/readyz").status_code == 200
    finally:
        process.terminate()
        process.wait(30)
    assert process.returncode == 0


def test_nothing_of_an_upload_stays_on_the_disk(engine: EngineProcess, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    process, url = launch_api(tmp_path, engine, TMPDIR=str(spool))
    try:
        assert post(url, form_files(png(noise), png(box_mask(1000, 1000)))).status_code == 200
        assert post(url, form_files(png(noise)[:-100], png(box_mask(1000, 1000)))).status_code == 415
        assert list(spool.iterdir()) == []
    finally:
        process.kill()
        process.wait(30)
    assert list(spool.iterdir()) == []
