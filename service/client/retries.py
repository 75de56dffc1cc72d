"""When a failed call is tried again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

from service.errors import ServiceError


@dataclass(frozen=True)
class Retries:
    """Only errors that are `retryable` are tried again, and only within these bounds.

    The pauses double each time. Each is cut to a random length between a half and the whole, so that many clients do
    not come back at the same moment. What `Retry-After` asks for comes on top.
    """

    max_attempts: int = 5  #              in all; 1 means no second one
    max_seconds: float = 60.0  #          after the first attempt; none begins later
    first_pause_seconds: float = 0.5  #   before the second attempt
    longest_pause_seconds: float = 10.0  # where the doubling ends
    call_seconds: float = 90.0  #         for all attempts and pauses; a client puts its `timeout_seconds` here

    def __post_init__(self) -> None:
        assert self.max_attempts >= 1
        assert self.max_seconds >= 0
        assert self.call_seconds > 0
        assert 0 <= self.first_pause_seconds <= self.longest_pause_seconds

    def pause_seconds(self, error: ServiceError, attempts: int, elapsed_seconds: float) -> float | None:
        """How long to wait after attempt number `attempts` failed; None: give up."""
        if not error.retryable or attempts >= self.max_attempts:
            return None
        backoff = min(self.longest_pause_seconds, self.first_pause_seconds * 2 ** (attempts - 1))
        pause = (error.retry_after_seconds or 0.0) + backoff * random.uniform(0.5, 1.0)
        return pause if elapsed_seconds + pause <= min(self.max_seconds, self.call_seconds) else None


NO_RETRIES = Retries(max_attempts=1)
