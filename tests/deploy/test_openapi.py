from __future__ import annotations

import json

from deploy.openapi import STORED, document


def test_the_stored_copy_is_what_the_service_says() -> None:
    """After a wanted change: python -m deploy.openapi, and a look at the difference."""
    said, stored = json.loads(json.dumps(document())), json.loads(STORED.read_text(encoding="utf-8"))
    for one in (said, stored):
        del one["info"]["version"]
    assert said == stored
