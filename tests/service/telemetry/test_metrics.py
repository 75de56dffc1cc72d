from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.settings import BadSettings, load_settings
from service.telemetry.metrics import Metrics, forget_ended
from service.telemetry.record import RequestRecord
from tests.contract.engines import ROOT
from tests.fakes.http import http
from tests.fakes.ports import free_port
from tests.fakes.waiting import until


def test_two_applications_do_not_share_counts() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.observe_request(RequestRecord("a"), method="GET", route="/x", status=200, duration_seconds=0.1)
    assert b'route="/x"' in one.text()
    assert b'route="/x"' not in other.text()


def test_a_refusal_is_counted_by_its_code_and_nothing_holds_an_id() -> None:
    metrics = Metrics("1.2.3")
    record = RequestRecord("a-request-id", code="empty_hole", input_pixels=640_000, hole_ratio=0.25)
    metrics.observe_request(record, method="POST", route="/inpaint", status=422, duration_seconds=0.2)
    text = metrics.text().decode()
    assert 'inpaint_rejections_total{reason="empty_hole"} 1.0' in text
    assert "inpaint_hole_ratio_sum 0.25" in text
    assert 'inpaint_build_info{version="1.2.3"} 1.0' in text
    assert "a-request-id" not in text


def test_every_metric_of_the_synchronous_path_is_there() -> None:
    text = Metrics("1").text().decode()
    for name in (
        "http_requests_total",
        "http_request_duration_seconds",
        "http_requests_in_flight",
        "stage_duration_seconds",
        "input_pixels",
        "hole_ratio",
        "rejections_total",
        "engine_requests_total",
        "engine_request_duration_seconds",
        "engine_ready",
        "model_without_snapshot",
        "build_info",
    ):
        assert f"# TYPE inpaint_{name} " in text


def test_several_workers_count_together(tmp_path: Path) -> None:
    shared, port = tmp_path / "counts", free_port()
    shared.mkdir()
    command = [sys.executable, "-m", "uvicorn", "--factory", "service.app:build", "--workers", "2", "--port", str(port)]
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url))
        pids = {int(file.stem.rpartition("_")[2]) for file in shared.glob("counter_*.db")}
        for _ in range(40):
            assert http.get(f"{url}/nowhere").status_code == 404
        assert counted(url) == 40
        os.kill(pids.pop(), signal.SIGKILL)
        until(lambda: answers(url))
        assert http.get(f"{url}/nowhere").status_code == 404
        assert counted(url) == 41
        until(
            lambda: "inpaint_http_requests_in_flight 1.0" in http.get(f"{url}/metrics").text
        )  # answers are logged late
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return http.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def counted(url: str) -> float:
    pattern = r'inpaint_http_requests_total\{method="GET",route="other",status="404"\} (\S+)'
    match = re.search(pattern, http.get(f"{url}/metrics").text)
    return float(match[1]) if match else 0.0


def test_what_ended_processes_had_under_way_is_dropped(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(20)
    names = [f"gauge_livesum_{ended.pid}.db", f"gauge_livesum_{os.getpid()}.db", f"counter_{ended.pid}.db"]
    for name in names:
        (tmp_path / name).touch()
    forget_ended(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names[1:])


def test_the_folder_must_be_there_and_named_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"PROMETHEUS_MULTIPROC_DIR: .*environment itself"):
        load_settings(prometheus_multiproc_dir=str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "missing"))
    with pytest.raises(BadSettings, match="PROMETHEUS_MULTIPROC_DIR: "):
        load_settings()
