from __future__ import annotations

import json
import logging
import sys

import pytest

from service.telemetry.logs import REQUEST_LOGGER, JsonLines, configure_logs, log_request
from service.telemetry.record import RequestRecord


def line_of(record: logging.LogRecord) -> dict:
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_record_is_one_line_of_json_with_its_fields() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s went\nwrong", ("it",), None)
    record.fields = {"model": "lafin"}
    line = line_of(record)
    assert (line["level"], line["message"], line["model"]) == ("warning", "it went\nwrong", "lafin")
    assert line["time"].endswith("Z")


def test_a_traceback_stays_in_its_line() -> None:
    try:
        raise ZeroDivisionError("x")
    except ZeroDivisionError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "bad", (), sys.exc_info())
    assert "ZeroDivisionError" in line_of(record)["traceback"]


@pytest.mark.parametrize(("status", "level"), [(200, "info"), (422, "info"), (500, "error"), (503, "error")])
def test_only_the_services_own_failures_are_loud(caplog: pytest.LogCaptureFixture, status: int, level: str) -> None:
    caplog.set_level(logging.INFO, REQUEST_LOGGER.name)
    log_request(RequestRecord("id"), method="POST", route="/inpaint", status=status, duration_seconds=0.1)
    line = line_of(caplog.records[-1])
    assert (line["level"], line["status"], line["request_id"]) == (level, status, "id")
    assert "hole_ratio" not in line


def test_configured_logs_go_to_standard_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logs()
        logging.getLogger("service.somewhere").info("hello")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert json.loads(capsys.readouterr().err)["message"] == "hello"
