"""JSON of an answer -> dataclasses. Fields that a newer service adds are dropped; one that does not fit is named."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

NUMBERS: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float)}  # True is no number


class Unfit(Exception):
    """An answer that is not of the kind that was asked for; the message says where."""


def read(kind: type[T], value: Any) -> T:
    """`value`, as json.loads gives it, as the dataclass `kind`. Raises Unfit."""
    read_value: T = _read(kind, value, "")
    return read_value


def _read(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _fields(kind, value, where)
    if kind is datetime:
        return _time(value, where)
    generic = GENERIC.get(get_origin(kind))
    if generic is not None:
        return generic(get_args(kind), value, where)
    if kind in NUMBERS and isinstance(value, NUMBERS[kind]) and not isinstance(value, bool):
        return kind(value)
    return _kept(kind not in NUMBERS and isinstance(value, kind), value, where)


def _fields(kind: Any, value: Any, where: str) -> Any:
    _kept(isinstance(value, dict), value, where or kind.__name__)
    hints, found = get_type_hints(kind), {}
    for field in fields(kind):
        place = f"{where}.{field.name}".lstrip(".")
        if field.name in value:
            found[field.name] = _read(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise Unfit(place)
    try:
        return kind(**found)
    except ValueError as error:  # what the dataclass itself asks for
        raise Unfit(f"{where}.{error}".lstrip(".")) from None


def _list(args: tuple[Any, ...], value: Any, where: str) -> list[Any]:
    _kept(isinstance(value, list), value, where)
    return [_read(args[0], item, f"{where}.{place}") for place, item in enumerate(value)]


def _dict(args: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
    _kept(isinstance(value, dict), value, where)
    return {key: _read(args[1], item, f"{where}.{key}") for key, item in value.items()}


def _optional(args: tuple[Any, ...], value: Any, where: str) -> Any:
    (kind,) = set(args) - {type(None)}
    return None if value is None else _read(kind, value, where)


def _literal(args: tuple[Any, ...], value: Any, where: str) -> Any:
    return _kept(value in args, value, where)


def _time(value: Any, where: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unfit(where) from None


def _kept(fits: bool, value: Any, where: str) -> Any:
    if not fits:
        raise Unfit(where)
    return value


GENERIC: dict[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    list: _list,
    dict: _dict,
    Union: _optional,
    types.UnionType: _optional,
    Literal: _literal,
}
