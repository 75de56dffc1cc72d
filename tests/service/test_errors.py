from __future__ import annotations

from collections import Counter

import service.errors as errors
from service.errors import ServiceError


def tree(kind: type[ServiceError] = ServiceError) -> list[type[ServiceError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def leaves() -> list[type[ServiceError]]:
    families = {"ServiceError", "InputError", "EngineError", "IllegalInput", "Unauthorized"}
    return [kind for kind in tree() if kind.__module__ == "service.errors" and kind.__name__ not in families]


def test_every_error_stands_in_the_docstring_with_its_code() -> None:
    assert errors.__doc__ is not None
    lines = {words[0]: line for line in errors.__doc__.splitlines() if (words := line.strip("│├└─ ").split())}
    for kind in leaves():
        assert kind.code in lines[kind.__name__].split()
        assert kind.retryable == ("retryable" in lines[kind.__name__])


def test_codes_are_unique() -> None:
    assert [code for code, count in Counter(kind.code for kind in leaves()).items() if count > 1] == []


def test_an_error_without_detail_says_its_title() -> None:
    assert errors.EmptyHole().detail == "The mask marks nothing"
