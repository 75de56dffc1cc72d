"""What the embedded engine raises: a refused call, with the text that Triton would give, or a start that cannot be."""

from __future__ import annotations

import grpc


class Refusal(Exception):
    """Ends a call with `status` and `text`."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class CannotStart(Exception):
    """The process cannot serve. One line that says what is wrong and what to do."""


def invalid(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def unavailable(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.UNAVAILABLE, text)


def not_found(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, text)
