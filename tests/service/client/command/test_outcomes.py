from __future__ import annotations

from pathlib import Path

import pytest

from service.client.command.outcomes import EXIT_CODES, NotTried, Outcome, ends_everything, error_line, exit_code
from service.client.command.usage import BadUsage
from service.client.errors import OtherProblem, TimedOut, Unreachable
from service.errors import BadKey, EmptyHole, EngineUnavailable, Overloaded, ServiceError

PHOTO = Path("a.png")


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([None], 0),
        ([None, None], 0),
        ([None, EmptyHole()], 1),
        ([None, TimedOut(), BadUsage("no mask")], 1),
        ([Unreachable()], 3),
        ([None, Unreachable(), NotTried()], 3),
        ([EmptyHole()], 4),
        ([BadKey(), NotTried()], 4),
        ([EmptyHole(), EmptyHole()], 4),
        ([EmptyHole(), EngineUnavailable()], 5),
        ([EmptyHole(), BadUsage("no mask")], 5),
        ([Overloaded()], 5),
        ([OSError("full")], 5),
    ],
)
def test_the_exit_code(errors: list[Exception | None], code: int) -> None:
    assert exit_code([Outcome(PHOTO, error) for error in errors]) == code
    assert code in EXIT_CODES


@pytest.mark.parametrize(
    ("error", "ends"),
    [(Unreachable(), True), (BadKey(), True), (TimedOut(), False), (EmptyHole(), False), (Overloaded(), False)],
)
def test_what_ends_everything(error: ServiceError, ends: bool) -> None:
    assert ends_everything(error) == ends


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (EmptyHole("Nothing is marked."), "Nothing is marked. (empty_hole)"),
        (ServiceError("Oh.", headers={"x-request-id": "7"}), "Oh. (internal_error, request id 7)"),
        (EmptyHole("Nothing.", headers={"x-request-id": "7"}), "Nothing. (empty_hole)"),
        (OtherProblem(502, "http_502", "Bad Gateway", "A proxy."), "A proxy. (http_502)"),
        (FileExistsError(17, "File exists", "a.png"), "a.png exists; --force overwrites it."),
        (OSError(28, "No space left on device", "a.png"), "a.png: No space left on device."),
        (OSError("odd"), "the file: odd."),
        (BadUsage("No mask."), "No mask."),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert error_line(error) == line
