"""One deadline for a request, made when it arrives and handed down to every step."""

from __future__ import annotations

import time

from service.errors import DeadlineExceeded


class Deadline:
    """A point on the monotonic clock, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._end_seconds = time.monotonic() + seconds

    @property
    def remaining_seconds(self) -> float:
        """Seconds left; negative once it has passed."""
        return self._end_seconds - time.monotonic()

    def check(self) -> None:
        """Raise DeadlineExceeded if no time is left."""
        if self.remaining_seconds <= 0:
            raise DeadlineExceeded("The deadline of this request has passed.")
