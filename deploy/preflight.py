"""`python -m deploy.preflight`: everything that can be known to fail, checked before anything slow begins."""

from __future__ import annotations

import os
import sys

from deploy.models import stale_models
from deploy.place import CannotStart, check_port, read_place


def main() -> None:
    try:
        place = read_place(os.environ)
        check_port("PORT", place.host, place.port)
        if place.redis_port is not None:
            check_port("REDIS_PORT", "127.0.0.1", place.redis_port)
        if place.engine_port is not None:
            check_port("ENGINE_PORT", "127.0.0.1", place.engine_port)
            stale_models(place.repository)
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
