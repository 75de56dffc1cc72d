from __future__ import annotations

import contextvars
import re

import pytest

from service.trace import begin_trace, current_traceparent, trace_headers

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_given_trace_is_joined_with_an_id_of_our_own() -> None:
    made = begin_trace(GIVEN)
    assert made[:36] == GIVEN[:36]
    assert made[36:52] != GIVEN[36:52]
    assert made[52:] == "-01"
    assert current_traceparent() == made
    assert trace_headers() == {"traceparent": made}


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "nonsense",
        GIVEN.upper(),
        GIVEN[:-1],
        GIVEN.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + GIVEN[35:],
        GIVEN[:36] + "0" * 16 + GIVEN[52:],
        GIVEN + "\r\nx: y",
    ],
)
def test_without_a_good_one_a_trace_begins_here(given: str | None) -> None:
    made, again = begin_trace(given), begin_trace(given)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", made)
    assert made[:35] != again[:35]
    assert made[3:35] != GIVEN[3:35]


def test_a_later_version_with_more_parts_is_read() -> None:
    assert begin_trace("01" + GIVEN[2:] + "-more")[3:35] == GIVEN[3:35]


def test_outside_a_request_nothing_is_handed_on() -> None:
    assert contextvars.Context().run(current_traceparent) is None
    assert contextvars.Context().run(trace_headers) == {}
