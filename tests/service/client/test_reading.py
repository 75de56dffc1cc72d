from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from service.client.reading import Unfit, read


@dataclass(kw_only=True)
class Part:
    name: str
    share: float = 1.0


@dataclass(kw_only=True)
class Whole:
    count: int
    parts: list[Part]
    state: Literal["new", "old"]
    made_at: datetime | None
    seconds: dict[str, float] = field(default_factory=dict)
    more: Any = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("parts")


GOOD = {"count": 1, "parts": [{"name": "a", "share": 2}], "state": "new", "made_at": "2030-01-02T03:04:05.678Z"}


def test_values_become_what_the_fields_say() -> None:
    whole = read(Whole, GOOD | {"seconds": {"infer": 1}, "more": [1], "of_tomorrow": 1})
    assert whole.parts == [Part(name="a", share=2.0)]
    assert isinstance(whole.parts[0].share, float)
    assert whole.made_at == datetime(2030, 1, 2, 3, 4, 5, 678000, UTC)
    assert (whole.seconds, whole.more) == ({"infer": 1.0}, [1])
    assert read(Whole, GOOD | {"made_at": None}).made_at is None


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"count": "1"}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": True}, "count"),
        ({"parts": {}}, "parts"),
        ({"parts": []}, "parts"),
        ({"parts": [{"name": "a"}, {"name": 3}]}, "parts.1.name"),
        ({"parts": [{}]}, "parts.0.name"),
        ({"parts": [1]}, "parts.0"),
        ({"state": "odd"}, "state"),
        ({"made_at": "yesterday"}, "made_at"),
        ({"made_at": 5}, "made_at"),
        ({"seconds": {"infer": "long"}}, "seconds.infer"),
        ({"seconds": []}, "seconds"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(Whole, GOOD | changes)
    assert str(caught.value) == where


def test_an_answer_that_is_no_object_does_not_fit() -> None:
    with pytest.raises(Unfit, match="Whole"):
        read(Whole, [GOOD])
