from __future__ import annotations

import re

from deploy import settings_table
from deploy.settings_table import DOCUMENT, default, filled, programs, table
from service.settings import Settings

GROUPS = ("ONLY_JOBS", "ONLY_WEBHOOKS", "ONLY_WORKERS", "ALSO_JOBS", "ALSO_WEBHOOKS", "OF_THE_MACHINE")


def test_the_document_holds_the_table_of_today() -> None:
    text = DOCUMENT.read_text()
    assert text == filled(text), "python -m deploy.settings_table writes it"


def test_every_setting_has_its_line_and_its_words() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \|.*\| [\w, ]+ \| \S.*\|$", table(), re.M)
    assert named == [name.upper() for name in Settings.model_fields]


def test_the_groups_name_real_settings() -> None:
    named = {name for group in GROUPS for name in getattr(settings_table, group)}
    assert named <= Settings.model_fields.keys()


def test_who_uses_what() -> None:
    assert programs("redis_url") == "API, jobs, webhooks"
    assert programs("jobs_max_tries") == "jobs"
    assert programs("webhook_timeout_seconds") == "webhooks"
    assert programs("worker_grace_seconds") == "jobs, webhooks"
    assert programs("cors_origins") == "API"


def test_defaults_are_written_as_in_the_environment() -> None:
    written = {name: default(name, field) for name, field in Settings.model_fields.items()}
    assert written["port"] == "`8000`"
    assert written["open_metrics"] == "`false`"
    assert written["api_keys"] == written["public_url"] == written["cors_origins"] == ""
    assert written["redis_url"] == "`redis://127.0.0.1:6379/0`"
    assert written["imaging_threads"] == "the cores, at most 4"
