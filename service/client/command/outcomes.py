"""What became of each photo, and the exit code that sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.client.command.usage import BadUsage
from service.client.errors import Unreachable
from service.errors import ServiceError

DONE, SOME_FAILED, USAGE, UNREACHABLE, REFUSED, FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
EXIT_CODES = {
    DONE: "every photo was completed",
    SOME_FAILED: "some photos failed, the others are written",
    USAGE: "the arguments, or the files they name, cannot be used; nothing was sent",
    UNREACHABLE: "the service cannot be reached, or went away on the way",
    REFUSED: "the service refused the key, the model or every photo",
    FAILED: "every photo failed, and not all because they were refused",
    INTERRUPTED: "interrupted",
}
KEY_STATUSES = frozenset({401, 403})
WAIT_STATUSES = frozenset({408, 429})  # of the 4xx: not the photo's fault


class NotTried(Exception):
    """The service was lost, or does not take the key; the rest was not sent."""


@dataclass(frozen=True)
class Outcome:
    """Of one photo: `error` is None when it is written, or when it was skipped."""

    photo: Path
    error: Exception | None = None


def is_refusal(error: Exception | None) -> bool:
    """Whether the service looked at what was sent and did not want it."""
    return isinstance(error, ServiceError) and 400 <= error.status < 500 and error.status not in WAIT_STATUSES


def ends_everything(error: Exception) -> bool:
    """Whether no other photo can fare better: nobody answers, or the key is not taken."""
    return isinstance(error, Unreachable) or (isinstance(error, ServiceError) and error.status in KEY_STATUSES)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """One of EXIT_CODES. What was not tried counts as what ended everything."""
    errors = [one.error for one in outcomes if one.error is not None]
    if any(isinstance(error, Unreachable) for error in errors):
        return UNREACHABLE
    if len(errors) < len(outcomes):
        return SOME_FAILED if errors else DONE
    tried = [error for error in errors if not isinstance(error, NotTried)]
    return REFUSED if all(is_refusal(error) for error in tried) else FAILED


def error_line(error: Exception) -> str:
    """The error as one line for a person, with what helps: the code to look up, the id to quote."""
    if isinstance(error, ServiceError):
        request_id = error.headers.get("x-request-id") if error.status >= 500 else None
        return f"{error.detail} ({error.code}{f', request id {request_id}' if request_id else ''})"
    if isinstance(error, FileExistsError):
        return f"{error.filename or error} exists; --force overwrites it."
    if isinstance(error, OSError):
        return f"{error.filename or 'the file'}: {error.strerror or error}."
    return str(error) if isinstance(error, BadUsage | NotTried) else f"{type(error).__name__}: {error}"
