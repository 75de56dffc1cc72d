"""`python -m deploy.openapi` writes deploy/openapi.json: what the API promises, kept under review like code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.arguments import refuse_arguments
from service.app import create_app
from service.settings import Settings

STORED = Path(__file__).with_name("openapi.json")


def document() -> dict[str, Any]:
    """The OpenAPI document of a service with default settings."""
    settings = Settings(_env_file=None)  # type: ignore[call-arg]  # pydantic-settings' own argument
    return create_app(settings).openapi()


def main() -> None:
    refuse_arguments("deploy.openapi", "Write deploy/openapi.json anew.")
    STORED.write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
