"""Settings that contradict each other: one must not be above or below another."""

from __future__ import annotations

from typing import TypeVar

N = TypeVar("N", int, float)


def not_above(value: N, other: str, bound: float | None) -> N:
    """`value`, unless it is above that of the setting `other`; then ValueError. None: `other` is bad itself."""
    if bound is not None and value > bound:
        raise ValueError(f"is more than {other.upper()}, which is {bound:g}")
    return value


def not_below(value: N, other: str, bound: float | None) -> N:
    """`value`, unless it is below that of the setting `other`; then ValueError. None: `other` is bad itself."""
    if bound is not None and value < bound:
        raise ValueError(f"is less than {other.upper()}, which is {bound:g}")
    return value
