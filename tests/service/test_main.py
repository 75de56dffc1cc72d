"""`python -m service` as a process: its one line when it starts, and when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from service.__main__ import address, bind
from service.completion.needed import all_models
from tests.contract.engines import ROOT
from tests.contract.repositories import standin_repository
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.ports import free_port
from tests.fakes.server import settings
from tests.fakes.waiting import until
from tests.service.api.conftest import form_files, framed

Started = tuple[subprocess.Popen[str], str]


def launch(folder: Path, module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("PORT", "HOST", "ENGINE_URL")}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded engine over tiny models."""
    folder = tmp_path_factory.mktemp("engine")
    standin_repository(folder / "models")
    port = free_port()
    process = launch(folder, "service.embedded", "--repository", "models", "--port", str(port))
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def started(engine_url: str, tmp_path: Path) -> Iterator[Started]:
    process = launch(tmp_path, "service", ENGINE_URL=engine_url, PORT="0", DRAIN_SECONDS="30")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Face inpainting answers on http://127.0.0.1:"), line + process.communicate(timeout=5)[1]
    yield process, line.split()[4]
    if process.poll() is None:
        process.kill()
        process.communicate(timeout=30)


def test_after_its_line_it_answers_and_the_pixels_come_from_the_engine(started: Started) -> None:
    _, url = started
    assert http.get(f"{url}/readyz").status_code == 200
    forms = [framed(form_files(png(scene(seed=seed)), png(box_mask()))) for seed in (1, 1, 2)]
    first, again, other = (pixels(http.post(f"{url}/inpaint", files=form, timeout=60).content) for form in forms)
    outside = box_mask() == 0
    assert np.array_equal(first[outside], scene(seed=1)[outside])
    assert (first[~outside] != scene(seed=1)[~outside]).any()
    assert np.array_equal(first, again)
    assert not np.array_equal(first[~outside], other[~outside])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_ends_it_at_once_when_it_is_idle(started: Started, name: str) -> None:
    process, _ = started
    process.send_signal(getattr(signal, name))
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")
    assert "Traceback" not in errors


def test_a_stop_finishes_what_runs(started: Started) -> None:
    process, url = started
    request = httpx.Request("POST", f"{url}/inpaint", files=framed(form_files(png(scene()), png(box_mask()))))
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    body = request.read()
    with socket.create_connection((request.url.host, request.url.port), timeout=30) as connection:
        connection.sendall(f"POST /inpaint HTTP/1.1\r\n{head}\r\n".encode() + body[:1000])
        _wait_for_in_flight(url, 2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[1000:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        while connection.recv(65536):
            pass
    process.communicate(timeout=30)
    assert process.returncode == 0


def _wait_for_in_flight(url: str, requests: int) -> None:
    until(lambda: f"inpaint_http_requests_in_flight {requests}.0" in http.get(f"{url}/metrics").text)


def the_one_line(process: subprocess.Popen[str], status: int) -> str:
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (status, ""), errors
    lines = [line for line in errors.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, errors
    return lines[0]


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    line = the_one_line(launch(tmp_path, "service", MAX_FACES="none"), 2)
    assert line.startswith("service: Bad setting MAX_FACES: ")


def test_a_busy_port_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        line = the_one_line(launch(tmp_path, "service", PORT=str(port)), 1)
    assert line == f"service: 127.0.0.1:{port} is in use. Stop what listens there, or set PORT to another port."


def test_an_address_of_another_machine_is_one_line(tmp_path: Path) -> None:
    line = the_one_line(launch(tmp_path, "service", HOST="192.0.2.1", ALLOW_ANONYMOUS="true"), 1)
    assert line.startswith("service: Cannot listen on 192.0.2.1:8000: ")


def test_an_engine_that_does_not_come_is_one_line_that_names_what_is_missing(tmp_path: Path) -> None:
    url = f"127.0.0.1:{free_port()}"
    line = the_one_line(launch(tmp_path, "service", PORT="0", ENGINE_URL=url, ENGINE_START_SECONDS="0.5"), 1)
    missing = ", ".join(all_models())
    assert line.startswith(f"service: The engine at {url} is not ready after 0.5 s; missing: {missing}")
    assert "ENGINE_URL" in line


def test_an_address_is_printed_as_a_browser_takes_it() -> None:
    with bind(settings(host="0.0.0.0", port=0, allow_anonymous=True)) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    async def delay_is_off() -> bool:
        """Whether a connection that asyncio accepts from the listener sends at once."""
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind(settings(port=0))
        port = listener.getsockname()[1]
        async with await asyncio.start_server(look, sock=listener):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return bool(await asyncio.wait_for(accepted, 10))

    assert asyncio.run(delay_is_off())


def test_with_a_delay_a_stop_says_not_ready_and_still_answers(engine_url: str, tmp_path: Path) -> None:
    process = launch(tmp_path, "service", ENGINE_URL=engine_url, PORT="0", DRAIN_DELAY_SECONDS="2")
    assert process.stdout is not None
    url = process.stdout.readline().split()[4]
    process.send_signal(signal.SIGTERM)
    until(lambda: http.get(f"{url}/readyz").status_code == 503)
    assert http.get(f"{url}/readyz").json()["code"] == "draining"
    assert http.get(f"{url}/livez").status_code == 200
    form = framed(form_files(png(scene()), png(box_mask())))
    assert http.post(f"{url}/inpaint", files=form, timeout=30).status_code == 200
    process.communicate(timeout=20)
    assert process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        http.get(f"{url}/readyz")


def test_beyond_this_machine_it_does_not_start_without_keys(tmp_path: Path) -> None:
    line = the_one_line(launch(tmp_path, "service", HOST="0.0.0.0", PORT="0"), 2)
    assert line.startswith("service: Bad setting ALLOW_ANONYMOUS: HOST is not of this machine alone")


def test_it_starts_with_the_settings_in_its_log_and_no_secret(engine_url: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("mobile:" + "a" * 64 + ":inpaint\n")
    process = launch(tmp_path, "service", ENGINE_URL=engine_url, PORT="0", API_KEYS_FILE=str(tmp_path / "keys"))
    assert process.stdout is not None
    url = process.stdout.readline().split()[4]
    assert http.get(f"{url}/limits").status_code == 401
    process.terminate()
    errors = process.communicate(timeout=20)[1]
    (line,) = [json.loads(line) for line in errors.splitlines() if '"starting"' in line]
    assert line["settings"]["engine_url"] == engine_url
    assert "a" * 64 not in errors
