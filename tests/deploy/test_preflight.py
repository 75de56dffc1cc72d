"""What is told before anything is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.place import CannotStart
from deploy.preflight import check_names, setting_names
from service.settings import Settings
from tests.contract.engines import ROOT


def test_it_knows_the_settings_of_the_service() -> None:
    assert setting_names() == set(Settings.model_fields)


def test_a_misspelt_setting_is_named_wherever_it_stands(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    with pytest.raises(CannotStart, match=r"^API_KEY: there is no such setting; API_KEYS is meant"):
        check_names({"API_KEY": "x"}, dotenv)
    dotenv.write_text("JOBS_RESULTS_TTL_SECONDS=5\n")
    with pytest.raises(CannotStart, match=r"^JOBS_RESULTS_TTL_SECONDS: .*; JOBS_RESULT_TTL_SECONDS is meant"):
        check_names({}, dotenv)
    check_names({"JOBS_RESULT_TTL_SECONDS": "5", "EDITOR": "vi"}, tmp_path / "none")


def test_it_needs_no_package(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    command = [sys.executable, "-S", "-m", "deploy.preflight"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT), "PORT": "0", "REDIS_FOLDERS": "x"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "error: REDIS_FOLDERS: there is no such setting; REDIS_FOLDER is meant, or unset it\n",
    )
