"""`python -m deploy.settings_table` writes the tables of deploy/README.md: which program reads which variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from service.settings import Settings

DOCUMENT = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"

# The API reads all but the first two groups; a worker checks all settings at its start and uses these.
ONLY_JOBS = frozenset({"jobs_max_tries", "jobs_heartbeat_seconds"})
ONLY_WEBHOOKS = frozenset({"webhook_timeout_seconds", "webhook_max_connections", "webhook_authorities"})
ONLY_WORKERS = frozenset({"worker_grace_seconds"})
ALSO_JOBS = frozenset(
    {
        "redis_url",
        "engine_url",
        "imaging_threads",
        "feather_pixels",
        "max_faces",
        "max_holes",
        "max_samples_pixels",
        "max_image_pixels",
        "max_side_pixels",
        "min_side_pixels",
        "request_deadline_seconds",
        "jobs_max_bytes",
        "jobs_queue_ttl_seconds",
        "jobs_result_ttl_seconds",
        "jobs_record_ttl_seconds",
        "jobs_engine_wait_seconds",
    }
)
ALSO_WEBHOOKS = frozenset({"redis_url", "webhook_secret", "webhook_allow_http", "webhook_allow_private"})
OF_THE_MACHINE = {"imaging_threads": "the cores, at most 4"}


def programs(name: str) -> str:
    """Who uses a setting."""
    if name in ONLY_WORKERS:
        return "jobs, webhooks"
    api = name not in ONLY_JOBS | ONLY_WEBHOOKS
    jobs, webhooks = name in ONLY_JOBS | ALSO_JOBS, name in ONLY_WEBHOOKS | ALSO_WEBHOOKS
    users = {"API": api, "jobs": jobs, "webhooks": webhooks}
    return ", ".join(program for program, uses in users.items() if uses)


def default(name: str, field: FieldInfo) -> str:
    """As one would write it into the environment."""
    if name in OF_THE_MACHINE:
        return OF_THE_MACHINE[name]
    value: Any = field.default
    text = str(value.get_secret_value() if isinstance(value, SecretStr) else value)
    plain = text.lower() if isinstance(value, bool) else text
    return "" if value in (None, ()) or not plain else f"`{plain}`"


def table() -> str:
    """All settings, in the order of their classes."""
    lines = ["| variable | default | used by | what |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{name.upper()}` | {default(name, field)} | {programs(name)} | {field.description} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """The document with its table made anew."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
