"""The table from gRPC statuses to our error types has no hole."""

from __future__ import annotations

import grpc
import pytest

from service.deadline import Deadline
from service.engine.error_rules import RULES, error_for, rule_for
from service.errors import (
    DeadlineExceeded,
    EngineContractBroken,
    EngineError,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
)

SEEN: list[tuple[str, str, type[EngineError], bool]] = [  # texts of a real Triton and of gRPC itself
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", DeadlineExceeded, False),
    ("DEADLINE_EXCEEDED", "Stream removed (Deadline Exceeded)", DeadlineExceeded, False),
    ("UNAVAILABLE", "[request id: <id_unknown>] Exceeds maximum queue size", EngineQueueFull, False),
    ("UNAVAILABLE", "in ensemble 'lafin', [request id: 3] Exceeds maximum queue size", EngineQueueFull, False),
    ("UNAVAILABLE", "Request timeout expired", EngineUnavailable, False),
    ("UNAVAILABLE", "in ensemble 'lafin', Request timeout expired", EngineUnavailable, False),
    (
        "UNAVAILABLE",
        "[request id: 1] Server is stopping, scheduler for model has stopped accepting new inference requests",
        EngineUnavailable,
        True,
    ),
    ("UNAVAILABLE", "Server exiting", EngineUnavailable, True),
    (
        "UNAVAILABLE",
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: connection refused",
        EngineUnavailable,
        True,
    ),
    ("UNAVAILABLE", "Socket closed", EngineUnavailable, True),
    ("UNAVAILABLE", "recvmsg:Connection reset by peer", EngineUnavailable, True),
    (
        "UNAVAILABLE",
        "connections to all backends failing; last error: UNKNOWN: backend unhealthy",
        EngineUnavailable,
        True,
    ),
    ("NOT_FOUND", "Request for unknown model: 'lafin' is not found", EngineUnavailable, True),
    ("NOT_FOUND", "Request for unknown model: 'lafin' has no available versions", EngineUnavailable, True),
    ("NOT_FOUND", "Unable to find shared memory region: 'x'", EngineContractBroken, False),
    (
        "INVALID_ARGUMENT",
        "[request id: 1] unexpected shape for input 'image' for model 'lafin'",
        EngineContractBroken,
        False,
    ),
    ("CANCELLED", "CANCELLED", EngineUnavailable, True),
    ("INTERNAL", "PyTorch execute failure: out of memory", EngineGarbage, False),
    ("RESOURCE_EXHAUSTED", "CLIENT: Sent message larger than max (10 vs. 5)", EngineContractBroken, False),
]


@pytest.mark.parametrize(("status", "text", "error", "retry"), SEEN)
def test_texts_that_engines_give(status: str, text: str, error: type[EngineError], retry: bool) -> None:
    rule = rule_for(f"StatusCode.{status}", text)
    assert (rule.error, rule.retry) == (error, retry)


def test_a_model_that_is_being_loaded_is_not_called_unknown() -> None:
    loading = rule_for("StatusCode.NOT_FOUND", "Request for unknown model: 'lafin' has no available versions")
    unknown = rule_for("StatusCode.NOT_FOUND", "Request for unknown model: 'lafin' is not found")
    assert loading.detail != unknown.detail


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
@pytest.mark.parametrize("text", ["", "words never seen before"])
def test_every_status_has_a_rule_for_any_text(code: grpc.StatusCode, text: str) -> None:
    rule = rule_for(str(code), text)
    assert rule.status is code
    assert rule.text is None
    assert type(error_for(rule, "lafin", Deadline(1))) is rule.error


def test_every_rule_is_reached_by_a_text_that_was_seen_or_by_any() -> None:
    seen = [rule_for(f"StatusCode.{status}", text) for status, text, _, _ in SEEN]
    other = [rule_for(str(code), "words never seen before") for code in grpc.StatusCode]
    assert {id(rule) for rule in seen + other} == {id(rule) for rule in RULES}


def test_every_text_of_the_table_is_among_the_texts_seen() -> None:
    texts = [text for _, text, _, _ in SEEN]
    assert [rule.text for rule in RULES if rule.text and not any(rule.text in text for text in texts)] == []


@pytest.mark.parametrize("status", [None, "", "503", "StatusCode.NEW"])
def test_a_status_nobody_knows_is_garbage(status: str | None) -> None:
    assert rule_for(status, "").error is EngineGarbage


def test_retry_after_goes_with_what_may_pass() -> None:
    for rule in RULES:
        error = error_for(rule, "lafin", Deadline(1))
        assert (error.retry_after_seconds is not None) == isinstance(error, EngineUnavailable)
        assert error.errors == [{"model": "lafin"}]


def test_a_queue_timeout_after_our_own_deadline_is_a_deadline() -> None:
    rule = rule_for("StatusCode.UNAVAILABLE", "Request timeout expired")
    assert type(error_for(rule, "lafin", Deadline(1))) is EngineUnavailable
    assert type(error_for(rule, "lafin", Deadline(-1))) is DeadlineExceeded
