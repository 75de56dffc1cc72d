from __future__ import annotations

import time
from email.utils import formatdate

import httpx
import pytest

from service.client import errors
from service.client.errors import KNOWN, OtherProblem, error_of, retry_after_seconds
from service.errors import Draining, Overloaded, ServiceError
from tests.service.test_errors import leaves

REQUEST = httpx.Request("GET", "http://test/models?x=1")


def answer(status: int, *, json: object = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=json, request=REQUEST, headers=named)


@pytest.mark.parametrize("kind", leaves())
def test_every_problem_code_comes_back_as_its_type(kind: type[ServiceError]) -> None:
    problem = {"code": kind.code, "detail": "Why.", "errors": [{"field": "mask"}]}
    error = error_of(answer(kind.status, json=problem, content_type="application/problem+json", retry_after="2"))
    assert type(error) is kind
    assert (error.detail, error.errors, error.retry_after_seconds) == ("Why.", [{"field": "mask"}], 2)


def test_every_error_of_the_client_stands_in_the_docstring() -> None:
    assert errors.__doc__ is not None
    lines = {words[0]: line for line in errors.__doc__.splitlines() if (words := line.strip("│├└─ ").split())}
    for kind in vars(errors).values():
        if isinstance(kind, type) and kind.__module__ == errors.__name__ and issubclass(kind, ServiceError):
            assert kind.retryable == ("retryable" in lines[kind.__name__])
            assert kind.code not in KNOWN


def test_an_unknown_code_keeps_what_the_answer_says() -> None:
    problem = {"code": "of_tomorrow", "title": "New", "detail": "Why."}
    error = error_of(answer(418, json=problem, content_type="application/problem+json; charset=utf-8"))
    assert isinstance(error, OtherProblem)
    assert (error.status, error.code, error.title, error.detail, error.retryable) == (
        418,
        "of_tomorrow",
        "New",
        "Why.",
        False,
    )


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (429, True), (500, False), (502, True)])
def test_an_answer_of_something_else_is_named_by_its_status(status: int, retryable: bool) -> None:
    error = error_of(answer(status, content_type="text/html"))
    assert isinstance(error, OtherProblem)
    assert (error.status, error.code, error.retryable) == (status, f"http_{status}", retryable)
    assert error.detail.startswith(f"http://test/models answered with status {status}")


@pytest.mark.parametrize("json", [[], "text", {"errors": "x"}, {"code": 3, "errors": [3]}])
def test_a_problem_that_is_none_does_not_hurt(json: object) -> None:
    error = error_of(answer(500, json=json, content_type="application/problem+json"))
    assert (error.status, error.errors) == (500, [])


def test_types_keep_their_own_status() -> None:
    assert (Overloaded.status, Draining.status) == (429, 503)
    assert KNOWN["draining"] is Draining


def test_retry_after_is_read_in_seconds_and_as_a_date() -> None:
    assert retry_after_seconds({"retry-after": " 7 "}) == 7
    later = formatdate(time.time() + 30, usegmt=True)
    assert retry_after_seconds({"retry-after": later}) == pytest.approx(30, abs=2)
    assert retry_after_seconds({"retry-after": formatdate(0, usegmt=True)}) == 0
    for unreadable in ("", "-1", "soon", "1e3"):
        assert retry_after_seconds({"retry-after": unreadable}) is None
