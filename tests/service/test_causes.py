from __future__ import annotations

from service.causes import causes


def test_what_an_error_came_from_follows_it() -> None:
    error, handled, deep = ValueError("told"), OSError("while it was handled"), KeyError("deep")
    error.__cause__, handled.__context__ = handled, deep
    assert list(causes(error)) == [error, handled, deep]


def test_a_circle_ends() -> None:
    one, other = ValueError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert list(causes(one)) == [one, other]
