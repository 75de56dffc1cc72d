"""What an engine's refusal means to the service: one literal table from gRPC status and text to our error types.

The texts are those of a real Triton; the embedded engine uses the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from service.deadline import Deadline
from service.errors import (
    DeadlineExceeded,
    EngineContractBroken,
    EngineError,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
)

RETRY_AFTER_SECONDS = 1.0


@dataclass(frozen=True)
class Rule:
    """The first rule whose status is equal and whose text is found (None: any text) decides."""

    status: grpc.StatusCode
    text: str | None
    error: type[EngineError]
    detail: str
    retry: bool = False  # once, if the deadline still allows it
    queue_timeout: bool = False  # DeadlineExceeded instead, if our own deadline is gone


S = grpc.StatusCode

STOPPING = "The engine is stopping or starting."
REFUSED = "The engine refused a tensor or a call that the service built."
BROKEN = "The engine failed while it ran the model."
DOWN = "The engine cannot be reached."
GIVEN_UP = "The engine gave the request up."
LATE = "The engine did not answer before the deadline."

RULES: tuple[Rule, ...] = (
    Rule(S.DEADLINE_EXCEEDED, None, DeadlineExceeded, LATE),
    Rule(S.UNAVAILABLE, "Exceeds maximum queue size", EngineQueueFull, "The engine's queue is full."),
    Rule(
        S.UNAVAILABLE,
        "Request timeout expired",
        EngineUnavailable,
        "The request waited too long in the engine's queue.",
        queue_timeout=True,
    ),
    Rule(S.UNAVAILABLE, "Server is stopping", EngineUnavailable, STOPPING, retry=True),
    Rule(S.UNAVAILABLE, "Server exiting", EngineUnavailable, STOPPING, retry=True),
    Rule(S.UNAVAILABLE, "failed to connect to all addresses", EngineUnavailable, DOWN, retry=True),
    Rule(S.UNAVAILABLE, None, EngineUnavailable, DOWN, retry=True),  # lost on its way: another engine may have it
    Rule(S.NOT_FOUND, "has no available versions", EngineUnavailable, STOPPING, retry=True),
    Rule(
        S.NOT_FOUND, "Request for unknown model", EngineUnavailable, "The engine does not have the model.", retry=True
    ),
    Rule(S.NOT_FOUND, None, EngineContractBroken, REFUSED),
    Rule(S.INVALID_ARGUMENT, None, EngineContractBroken, REFUSED),
    Rule(S.FAILED_PRECONDITION, None, EngineContractBroken, REFUSED),
    Rule(S.OUT_OF_RANGE, None, EngineContractBroken, REFUSED),
    Rule(S.UNIMPLEMENTED, None, EngineContractBroken, REFUSED),
    Rule(S.ALREADY_EXISTS, None, EngineContractBroken, REFUSED),
    Rule(S.PERMISSION_DENIED, None, EngineContractBroken, REFUSED),
    Rule(S.UNAUTHENTICATED, None, EngineContractBroken, REFUSED),
    Rule(S.RESOURCE_EXHAUSTED, "message larger than max", EngineContractBroken, REFUSED),
    Rule(S.RESOURCE_EXHAUSTED, None, EngineUnavailable, "The engine has no room for another request."),
    Rule(S.CANCELLED, None, EngineUnavailable, GIVEN_UP, retry=True),  # by an engine that stops: our own never get here
    Rule(S.ABORTED, None, EngineUnavailable, GIVEN_UP, retry=True),
    Rule(S.INTERNAL, None, EngineGarbage, BROKEN),
    Rule(S.DATA_LOSS, None, EngineGarbage, BROKEN),
    Rule(S.UNKNOWN, None, EngineGarbage, BROKEN),
    Rule(S.OK, None, EngineGarbage, "The engine reported an error with the status OK."),
)

STATUS_BY_NAME = {str(status): status for status in grpc.StatusCode}


def rule_for(status: str | None, text: str) -> Rule:
    """The rule for a refusal. `status` is tritonclient's string, "StatusCode.X"; None when no call was made."""
    code = STATUS_BY_NAME.get(status or "", grpc.StatusCode.UNKNOWN)
    for rule in RULES:
        if rule.status is code and (rule.text is None or rule.text in text):
            return rule
    raise AssertionError(f"no rule for {code}")


def error_for(rule: Rule, model: str, deadline: Deadline) -> EngineError:
    """The typed error to raise; it never repeats the engine's own text, which names tensors."""
    if rule.queue_timeout and deadline.remaining_seconds <= 0:
        return DeadlineExceeded(LATE, errors=[{"model": model}])
    retryable = issubclass(rule.error, EngineUnavailable)
    return rule.error(
        rule.detail,
        errors=[{"model": model}],
        retry_after_seconds=RETRY_AFTER_SECONDS if retryable else None,
    )
